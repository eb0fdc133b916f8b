"""Networks, each with its frozen config; parameters bear the names of the published files.

video_unet.py             SD1.5's 2D blocks and temporal layers between them; both stages use it
temporal.py               the temporal transformer: norm per frame, positions, attention
trajectory_controlnet.py  sparse field latents → residuals for the predictor
motion_vae.py             motion field ⇄ latents, and the numeric range that goes with it
"""
