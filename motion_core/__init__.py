"""Motion-I2V without ComfyUI: make a still picture move the way it was drawn.

A drawing becomes a `MotionField`: where every pixel of the picture goes, frame by frame. It can be drafted in a second
without a network, looked at, edited and saved, and it carries the picture, or a network's features, into every frame.

Read in this order: types.py, warp.py, draft/. Where the papers are found (Motion-I2V, Shi et al., SIGGRAPH 2024):

    f_{0→i}, the motion fields          types.MotionField
    Equation 3, forward warp            warp.forward_warp, warp.WarpOperator
    sparse trajectory control           controls/trajectory.py
    motion brush, region animation      controls/motion_brush.py
    frame stride                        controls/stride.py

Nothing here imports ComfyUI. Errors a person can cause are `errors.MotionError`, in one sentence.
"""
