"""The forward warp against recorded outputs of the authors' splat, every mode."""

import pytest
import torch

from motion_core.types import MotionField
from motion_core.warp import WarpOperator, forward_warp
from tests.recorded import CASES, recorded
from tests.recorded import agrees as agrees_with

MODES = {"sum": "summation", "avg": "average", "linear": "linear", "soft": "softmax"}  # theirs: ours
GUARDS = {"": "add", "addeps": "add", "zeroeps": "replace", "clipeps": "clip"}


def agrees(got, case, name):
    agrees_with(got, case, name, recorded(case))


@pytest.mark.parametrize("name", [name for name in CASES["softsplat_modes"]["tensors"] if name.startswith("out.")])
def test_every_mode_and_guard_is_the_authors(name):
    arrays = recorded("softsplat_modes")
    mode, _, guard = name.removeprefix("out.").partition("-")
    importance = {"linear": arrays["in.metric_positive"], "soft": arrays["in.metric"]}.get(mode)
    warped, _ = forward_warp(arrays["in.x"], arrays["in.flow"], MODES[mode], importance, GUARDS[guard])
    agrees(warped, "softsplat_modes", name)


@pytest.mark.parametrize(("name", "mode"), [("out.avg", "average"), ("out.sum", "summation")])
def test_features_at_latent_scale(name, mode):
    arrays = recorded("softsplat_features")
    agrees(forward_warp(arrays["in.x"], arrays["in.flow"], mode)[0], "softsplat_features", name)


@pytest.mark.parametrize(("name", "shift"), [("out.avg_zero_flow", (0, 0)), ("out.avg_shift_2_-1", (2, -1))])
def test_one_shift_for_all(name, shift):
    arrays = recorded("softsplat_features")
    displacement = torch.tensor(shift, dtype=torch.float32).view(1, 2, 1, 1).expand_as(arrays["in.flow"])
    agrees(forward_warp(arrays["in.x"], displacement)[0], "softsplat_features", name)


def test_the_operator_gives_the_recorded_averages():
    arrays = recorded("softsplat_features")
    operator = WarpOperator(MotionField.after_reference(arrays["in.flow"]))
    carried = operator(arrays["in.x"])  # every reference to every frame; the recorded ones are on the diagonal
    agrees(carried[range(3), range(3)], "softsplat_features", "out.avg")
