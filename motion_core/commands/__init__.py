"""What the command line can do. One command, one file: `add` says what it is given, `run` does it.

animate.py           a picture moves as drawn, without a network
predict.py           the motion that a text and a drawing ask for, by the published networks
convert.py           between track formats, or between motion field formats
show.py              a motion field as a picture or a video
convert_weights.py   the published weights as single safetensors files
"""
