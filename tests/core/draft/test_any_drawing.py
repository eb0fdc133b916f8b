"""What holds for every drawing on every picture, tried on many."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from motion_core.__main__ import main
from motion_core.draft import draft_field, draft_frames
from motion_core.types import Size, Trajectory
from motion_core.video_file import read_video

CLOSE, NEAR = 0.08, 5  # of the picture, and pixels: points that begin closer together compete for the same ones
unit = st.floats(0, 1)
points = st.lists(st.tuples(unit, unit), min_size=1, max_size=4)


@st.composite
def drawings(draw):
    size = Size(draw(st.integers(8, 90)), draw(st.integers(8, 120)))
    seed = draw(st.integers(0, 9))
    kind = draw(st.sampled_from(["flat", "noise", "blocks", "slope"]))
    trajectories = [Trajectory(p) for p in draw(st.lists(points, max_size=5))]
    region = draw(st.sampled_from([None, "left", "spots", "empty"]))
    return size, seed, kind, trajectories, region


def scene(size, seed, kind):
    generator = torch.Generator().manual_seed(seed)
    if kind == "flat":
        return torch.full((3, *size), 0.5)
    if kind == "noise":
        return torch.rand(3, *size, generator=generator)
    if kind == "slope":
        return torch.linspace(0, 1, size.width).expand(3, *size).clone()
    blocks = torch.rand(1, 3, 4, 5, generator=generator)
    return torch.nn.functional.interpolate(blocks, size)[0]


def painted(size, seed, kind):
    if kind is None:
        return None
    region = torch.zeros(size)
    if kind == "left":
        region[:, : size.width // 2] = 1
    elif kind == "spots":
        region = (torch.rand(size, generator=torch.Generator().manual_seed(seed)) > 0.7).float()
    return region


def holds(drawing):
    size, seed, kind, trajectories, brush = drawing
    picture, region = scene(size, seed, kind), painted(size, seed, brush)
    given = picture.clone()
    field = draft_field(picture, trajectories, frames=4, region=region)
    assert (picture == given).all(), "the picture is not touched"
    if region is not None and region.any():
        assert not field.displacement[:, :, region < 0.5].any(), "nothing moves outside the brush"
    frames = list(draft_frames(picture, field))
    assert (frames[0] == picture).all()
    for frame in frames:
        assert frame.shape == picture.shape
        assert torch.isfinite(frame).all()
        assert frame.min() >= 0
        assert frame.max() <= 1
    if region is None:
        starts = np.array([t.points[0] for t in trajectories]).reshape(-1, 2)
        went = field.at(torch.from_numpy(starts).float())[-1].numpy()
        for i, trajectory in enumerate(trajectories):
            apart = [np.abs(starts[i] - other) for j, other in enumerate(starts) if j != i]
            alone = all(a.max() > CLOSE and (a * [size.width, size.height]).max() > NEAR for a in apart)
            if alone:
                missed = (went[i] - trajectory.points[-1]) * [size.width, size.height]
                assert np.hypot(*missed) <= 1, "a drawn point ends where it was drawn"


@settings(max_examples=25, deadline=None, derandomize=True)
@given(drawings())
def test_a_drawing_is_followed_whatever_the_picture(drawing):
    holds(drawing)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(drawings())
def test_two_hundred_drawings_are_followed(drawing):
    holds(drawing)


@pytest.mark.slow
def test_a_picture_of_48_million_pixels_is_animated(tmp_path):
    noise = Image.effect_noise((800, 600), 40).resize((8000, 6000)).convert("RGB")
    noise.save(tmp_path / "huge.jpg")
    drawn = ["--drag", "0.4,0.5 0.6,0.5", "--frames", "4"]
    assert main(["animate", str(tmp_path / "huge.jpg"), *drawn, "-o", str(tmp_path / "out.mp4")]) == 0
    frames, _ = read_video(tmp_path / "out.mp4")
    assert frames.shape == (4, 3, 1440, 1920)
