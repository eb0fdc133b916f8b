"""The table of contents: every node, in the order of the work."""

from comfy_api.latest import ComfyExtension, io

from . import draft, models, motion_field, predict, render, trajectories

models.add_model_folders()

NODES: list[type[io.ComfyNode]] = [
    models.LoadMotionPredictor,
    models.LoadFlowVAE,
    models.LoadMotionModule,
    predict.ApplyTrajectoryControlNet,
    predict.PredictMotionField,
    *trajectories.NODES,
    *draft.NODES,
    *motion_field.NODES,
    render.ApplyMotionField,
]


class MotionI2V(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES
