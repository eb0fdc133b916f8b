"""The paper's ablation, of renderers really trained: warped references in attention, added, or left out.

pytest -m slow --log-cli-level=info tests/core/test_training_renderer.py tells the numbers.
"""

import logging
from dataclasses import astuple
from typing import get_args

import pytest
import torch

from motion_core.warp_attention import Fusion
from tests import training_renderer
from tests.training import trained
from tests.training_renderer import FRAMES, Errors, clips, errors, rendered

CLIPS = 32

log = logging.getLogger(__name__)


def mean(all_errors) -> Errors:
    return Errors(*torch.tensor([astuple(each) for each in all_errors]).mean(dim=0).tolist())


@pytest.fixture(scope="module")
def unseen():
    generator = torch.Generator().manual_seed(99)
    return [clips(1, generator) for _ in range(CLIPS)]


@pytest.fixture(scope="module")
def made(unseen) -> dict[str, Errors]:
    """By fusion: same first weights, same clips and noise in the same order, same number of steps."""
    before = training_renderer.pretrained(torch.Generator().manual_seed(0), steps=600)
    results = {}
    for fusion in get_args(Fusion):
        one = training_renderer.renderer(before, fusion, torch.Generator().manual_seed(1), steps=900)
        results[fusion] = mean(errors(rendered(one, clip, fusion, seed=seed), clip) for seed, clip in enumerate(unseen))
        log.info("%s: frame %.3f, shape %.3f, change %.3f", fusion, *astuple(results[fusion]))
    log.info("true frames: change %.3f", mean(errors(clip.frames[0], clip) for clip in unseen).change)
    return results


def test_the_training_signal_reaches_every_parameter():
    generator = torch.Generator().manual_seed(0)
    unet = training_renderer.untrained(generator)
    some = clips(2, generator)
    # motion modules speak through a layer that is zero at first: what lies behind it learns from step 2 on
    trained(
        lambda: training_renderer.moving_loss(unet, some, "attention", generator),
        list(unet.parameters()),
        steps=3,
        rate=1e-3,
    )
    untouched = [name for name, p in unet.named_parameters() if p.grad is None or not p.grad.any()]
    assert untouched == []


def test_true_frames_have_no_error_and_frames_that_do_not_move_have_some(unseen):
    true = mean(errors(clip.frames[0], clip) for clip in unseen)
    resting = mean(errors(clip.frames[0][:, [0] * FRAMES], clip) for clip in unseen)
    assert (true.frame, true.shape) == (0, 0)
    assert resting.shape > 0.3
    assert resting.change > 1.5 * true.change


@pytest.mark.slow
def test_frames_are_truer_with_the_warped_reference_in_attention_than_added_than_without(made):
    assert made["attention"].shape < made["addition"].shape < 0.85 * made["none"].shape
    assert made["attention"].frame < made["addition"].frame < 0.85 * made["none"].frame


@pytest.mark.slow
def test_frames_are_more_consistent_with_the_warped_reference_in_attention_than_added_than_without(made):
    assert made["attention"].change < made["addition"].change < 0.85 * made["none"].change
