"""What the command line can do. One command, one file: `add` says what it is given, `run` does it.

animate.py           a picture moves as drawn, without a network
predict.py           the motion that a text and a drawing ask for, by the published networks
track.py             the motion of a video
report.py            did a clip move as it was drawn?
convert.py           between track formats, or between motion field formats
show.py              a motion field as a picture or a video
convert_weights.py   the published weights as single safetensors files
"""
