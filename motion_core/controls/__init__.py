"""What a user can ask for. One control, one file, named as in the interface.

trajectory.py     drawn curves → SparseField: sampled in time, stamped around their start
motion_brush.py   the region that may move; everything else is known and still
stride.py         how far apart in time the predicted frames lie
camera.py         pan, zoom, rotate as a motion field that adds to the objects' own
"""
