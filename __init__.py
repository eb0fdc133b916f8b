"""Motion-I2V for ComfyUI: make a still image move exactly the way an artist draws it. ComfyUI's door."""

import logging

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():  # noqa: ANN201  nothing of ComfyUI or of ours is imported before it asks
    """What ComfyUI calls to learn the nodes."""
    try:
        from .nodes import MotionI2V
    except Exception:  # ComfyUI shows no more than a line of it
        logging.exception("Motion-I2V could not be loaded; pip install -r requirements.txt may be what is missing.")
        raise
    return MotionI2V()
