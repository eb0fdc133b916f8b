"""The table of contents: every node, in the order of the work."""

from comfy_api.latest import ComfyExtension, io

from . import draft, evaluate, models, motion_field, predict, render, source_video, trajectories

models.add_model_folders()

NODES: list[type[io.ComfyNode]] = [
    *models.NODES,
    *trajectories.NODES,
    *draft.NODES,
    *predict.NODES,
    *source_video.NODES,
    *motion_field.NODES,
    *render.NODES,
    *evaluate.NODES,
]


class MotionI2V(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES
