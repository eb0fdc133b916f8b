"""The table of contents: every node, in the order of the work."""

from comfy_api.latest import ComfyExtension, io

from . import draft, models, motion_field, predict, render, trajectories

models.add_model_folders()

NODES: list[type[io.ComfyNode]] = [
    *models.NODES,
    *trajectories.NODES,
    *draft.NODES,
    *predict.NODES,
    *motion_field.NODES,
    *render.NODES,
]


class MotionI2V(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES
