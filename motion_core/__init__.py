"""Motion-I2V without ComfyUI: make a still picture move the way it was drawn.

A drawing becomes a `MotionField`: where every pixel of the picture goes, frame by frame. It is drafted in a second
without a network, or predicted by the published one from text and drawing; it is looked at, edited and saved, and it
carries the picture, or a network's features, into every frame.

Read in this order: types.py, warp.py, draft/, predictor.py, warp_attention.py, renderer.py. Where the papers are found
(Motion-I2V, Shi et al., SIGGRAPH 2024):

    f_{0→i}, the motion fields          types.MotionField
    stage 1, motion field prediction    predictor.py: models/video_unet.py, models/temporal.py, models/motion_vae.py
    Equation 3, forward warp            warp.forward_warp, warp.WarpOperator
    Equation 4, augmented attention     warp_attention.py, used in models/temporal.py
    stage 2, selective noising          selective_noising.py, renderer.py; long clips: windows.py
    sparse trajectory control           controls/trajectory.py → models/trajectory_controlnet.py
    motion brush, region animation      controls/motion_brush.py
    frame stride                        controls/stride.py, its embedding in models/video_unet.py
    denoising, guidance                 sampling.py
    video-to-video                      source_video/, by optical_flow.py
    the evaluation, Table 1             metrics/, report/, clip_scores.py; benchmarks/evaluate.py
    the published weights               release.py, checkpoints.py; AnimateDiff's modules: models/motion_modules.py

Nothing here imports ComfyUI. Errors a person can cause are `errors.MotionError`, in one sentence.
"""
