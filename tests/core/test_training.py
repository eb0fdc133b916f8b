"""The networks learn, and what they learn means what it should: drags are followed, pins rest, strides stretch.

pytest -m slow --log-cli-level=info tests/core/test_training.py tells the numbers.
"""

import logging

import pytest
import torch

from motion_core.predictor import MotionPredictor
from motion_core.types import MotionField
from tests import training
from tests.training import FRAMES, SIZE, Scenes, drag

SCENES = 24

log = logging.getLogger(__name__)


def test_the_training_signal_reaches_every_parameter():
    generator = torch.Generator().manual_seed(0)
    vae = training.motion_vae(generator, steps=1)
    given = training.lessons(8, vae, generator)
    unet, controlnet = training.networks(generator)
    named = {**dict(unet.named_parameters()), **{f"controlnet.{n}": p for n, p in controlnet.named_parameters()}}
    # the ControlNet speaks through convolutions that are zero at first: what lies behind them learns from step 2 on
    training.trained(
        lambda: training.denoising_loss(unet, controlnet, given, generator), list(named.values()), steps=3, rate=1e-3
    )
    untouched = [name for name, p in named.items() if p.grad is None or not p.grad.any()]
    assert untouched == []


@pytest.fixture(scope="module")
def predictor() -> MotionPredictor:
    return training.predictor(torch.Generator().manual_seed(0), vae_steps=600, steps=1200)


@pytest.fixture(scope="module")
def unseen() -> Scenes:
    return training.scenes(SCENES, torch.Generator().manual_seed(99), resting=0)


def travelled(field: MotionField, centre: torch.Tensor) -> torch.Tensor:
    """[F-1, 2] pixels that the point `centre` [2] goes."""
    extent = torch.tensor([SIZE.width, SIZE.height])
    return (field.at(centre[None] / extent)[1:, 0] - centre / extent) * extent


def missed(predictor: MotionPredictor, unseen: Scenes, paths: torch.Tensor, *, controlled: bool = True) -> float:
    """Pixels between where the shapes' centres go and where they are asked to, on average over scenes and frames."""
    away = []
    for scene, (centre, path) in enumerate(zip(unseen.centres, paths, strict=True)):
        control = drag(centre, path) if controlled else None
        field = training.predicted(
            predictor, unseen.pictures[scene], unseen.strides[scene], control=control, seed=scene
        )
        away.append((travelled(field, centre) - path).norm(dim=-1).mean())
    return torch.stack(away).mean().item()


@pytest.mark.slow
def test_a_drawn_trajectory_is_followed_more_closely_than_without_control(predictor, unseen):
    told = missed(predictor, unseen, unseen.paths)
    untold = missed(predictor, unseen, unseen.paths, controlled=False)
    log.info("a drag is missed by %.2f px, by %.2f px without control", told, untold)
    assert told < 0.75 * untold


@pytest.mark.slow
def test_it_is_the_drag_that_is_followed_not_the_picture(predictor, unseen):
    paths = -unseen.paths
    told = missed(predictor, unseen, paths)
    untold = missed(predictor, unseen, paths, controlled=False)
    log.info("the opposite drag is missed by %.2f px, by %.2f px without control", told, untold)
    assert told < 0.75 * untold


@pytest.mark.slow
def test_a_pin_holds_what_would_have_moved(predictor, unseen):
    paths = torch.zeros_like(unseen.paths)
    told = missed(predictor, unseen, paths)
    untold = missed(predictor, unseen, paths, controlled=False)
    log.info("a pinned shape moves %.2f px, %.2f px without control", told, untold)
    assert told < 0.85 * untold


@pytest.mark.slow
def test_the_ground_rests_and_a_longer_stride_moves_the_shape_farther(predictor, unseen):
    moved = {}
    for stride in training.STRIDES:
        shape, ground = [], []
        for scene in range(SCENES):
            strides = torch.arange(1, FRAMES) * stride
            field = training.predicted(predictor, unseen.pictures[scene], strides, control=None, seed=scene)
            length, inside = field.displacement[1:].norm(dim=1), unseen.inside[scene]
            shape.append((length * inside).sum() / inside.sum() / (FRAMES - 1))
            ground.append((length * (1 - inside)).sum() / (1 - inside).sum() / (FRAMES - 1))
        moved[stride] = torch.stack(shape).mean().item(), torch.stack(ground).mean().item()
        log.info("stride %g: the shape moves %.2f px, the ground %.2f px", stride, *moved[stride])
    (near, _), (far, ground) = (moved[stride] for stride in training.STRIDES)
    assert far > 1.5 * near
    assert ground < 0.25 * far
