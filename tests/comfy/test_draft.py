"""Draft Motion Field and Draft Render on a real ComfyUI, and the whole way without a model on a real server."""

import json

import numpy as np
import pytest
import torch
from PIL import Image


def square_on_gray():
    """IMAGE [1, 48, 64, 3]: a red square on gray."""
    image = torch.full((1, 48, 64, 3), 0.5)
    image[0, 16:32, 8:24] = torch.tensor([0.9, 0.1, 0.1])
    return image


@pytest.fixture
def to_the_right(host):
    """The square's middle goes a quarter of the picture to the right."""
    types, tracks = host.module("motion_core.types"), host.module("motion_core.tracks")
    return tracks.Tracks((types.Trajectory([(0.25, 0.5), (0.5, 0.5)]),))


def test_a_brush_over_everything_is_as_none(host):
    image = torch.rand(1, 48, 64, 3, generator=torch.Generator().manual_seed(2))
    drawing = '{"version": 1, "trajectories": [{"points": [[0.4, 0.5], [0.6, 0.5]]}]}'
    drawn, brush, _ = host.run("DrawTrajectories", image=image, drawing=drawing)
    free = host.run("DraftMotionField", image=image, trajectories=drawn, frames=4)
    whole = host.run("DraftMotionField", image=image, trajectories=drawn, frames=4, motion_brush=brush)
    assert brush.min() == 1
    assert torch.equal(whole.displacement, free.displacement)


def test_the_draft_is_the_cores_own(host, to_the_right):
    image = square_on_gray()
    field = host.run("DraftMotionField", image=image, trajectories=to_the_right, frames=4)
    with torch.inference_mode():
        own = host.module("motion_core.draft").draft_field(image[0].movedim(-1, 0), to_the_right.trajectories, frames=4)
    assert field.displacement.equal(own.displacement)
    assert field.displacement[-1, 0, 24, 16] == pytest.approx(16, abs=0.5), "a quarter of 64 pixels"


def test_outside_the_motion_brush_the_draft_rests(host, to_the_right):
    brush = torch.zeros(1, 24, 32)  # of half the picture's size
    brush[:, :, :16] = 1
    field = host.run(
        "DraftMotionField", image=square_on_gray(), trajectories=to_the_right, frames=3, motion_brush=brush
    )
    assert field.displacement[-1, 0, 24, 16] > 10
    assert not field.displacement[:, :, :, 32:].any()


def test_a_drawing_not_yet_begun_is_a_still_clip(host):
    nothing = host.module("motion_core.tracks").Tracks(())
    image = square_on_gray()
    field = host.run("DraftMotionField", image=image, trajectories=nothing, frames=3)
    frames = host.run("DraftRender", image=image, motion_field=field)
    assert frames.shape == (3, 48, 64, 3)
    torch.testing.assert_close(frames, image.expand(3, -1, -1, -1))


def test_the_render_carries_the_square_to_where_it_was_drawn(host, to_the_right):
    image = square_on_gray()
    field = host.run("DraftMotionField", image=image, trajectories=to_the_right, frames=4)
    frames = host.run("DraftRender", image=image, motion_field=field)
    assert frames.shape == (4, 48, 64, 3)
    assert frames[0].equal(image[0])
    red = (frames[-1, 24, :, 0] > 0.8).nonzero()[:, 0]
    assert (red.min().item(), red.max().item()) == pytest.approx((24, 39), abs=1)


def test_a_field_of_another_size_is_fitted_to_the_picture(host):
    types = host.module("motion_core.types")
    half = types.MotionField.after_reference(torch.tensor([4.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 24, 32))
    whole = half.resized(types.Size(48, 64))
    image = square_on_gray()
    fitted = host.run("DraftRender", image=image, motion_field=half)
    assert fitted.equal(host.run("DraftRender", image=image, motion_field=whole))
    assert (fitted[1, 24, :, 0] > 0.8).nonzero()[:, 0].min().item() == 16, "4 pixels of 32 are 8 of 64"


@pytest.mark.parametrize(
    ("height", "width", "even"), [(47, 64, (48, 64)), (48, 63, (48, 64)), (47, 63, (48, 64)), (1, 1, (2, 2))]
)
def test_an_odd_side_gets_one_pixel_more_unless_it_should_not(host, height, width, even):
    types = host.module("motion_core.types")
    image = torch.rand(1, height, width, 3, generator=torch.Generator().manual_seed(4))
    still = types.MotionField.still(types.Size(height, width), frames=2)
    assert host.run("DraftRender", image=image, motion_field=still).shape == (2, *even, 3)
    kept = host.run("DraftRender", image=image, motion_field=still, even_sides=False)
    assert kept.shape == (2, height, width, 3)
    assert kept[0].equal(image[0])


def test_the_middle_of_an_odd_picture_stays_the_middle(host):
    types = host.module("motion_core.types")
    image = torch.tensor([0.2, 0.5, 0.8]).view(1, 1, 3, 1).expand(1, 2, 3, 3)
    still = types.MotionField.still(types.Size(2, 3), frames=1)
    row = host.run("DraftRender", image=image, motion_field=still)[0, 0, :, 0]
    assert len(row) == 4
    torch.testing.assert_close(row + row.flip(0), torch.ones(4))


def test_in_an_odd_picture_things_go_where_they_were_drawn(host, to_the_right):
    image = square_on_gray()[:, :47, :63]
    field = host.run("DraftMotionField", image=image, trajectories=to_the_right, frames=3)
    frames = host.run("DraftRender", image=image, motion_field=field)
    red = [(frame[24, :, 0] > 0.8).nonzero()[:, 0] for frame in (frames[0], frames[-1])]
    assert [(found.min().item(), found.max().item()) for found in red] == [
        pytest.approx((8, 23), abs=1),
        pytest.approx((24, 39), abs=1),  # a quarter of 64 pixels further
    ]


def test_a_render_tells_of_every_frame_and_can_be_interrupted(host, monkeypatch):
    import comfy.model_management
    import comfy.utils

    told = []
    monkeypatch.setattr(
        comfy.utils, "PROGRESS_BAR_HOOK", lambda value, total, *_args, **_more: told.append((value, total))
    )
    field = host.module("motion_core.types").MotionField.still(host.module("motion_core.types").Size(48, 64), frames=3)
    host.run("DraftRender", image=square_on_gray(), motion_field=field)
    assert told[-1] == (3, 3)
    comfy.model_management.interrupt_current_processing()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        host.run("DraftRender", image=square_on_gray(), motion_field=field)
    assert host.run("DraftRender", image=square_on_gray(), motion_field=field).shape[0] == 3, "and goes on afterwards"


DRAWING = {"version": 1, "trajectories": [{"points": [[0.25, 0.5], [0.5, 0.5]]}, {"points": [[0.9, 0.9]]}]}
CAMERA = {"zoom": 1.1, "pan_x": 0, "pan_y": 0, "rotate": 0, "centre_x": 0.5, "centre_y": 0.5, "easing": "linear"}
WRITTEN = {"trajectories": ["draw", 0], "width": 0, "height": 0, "frames": 0}


def without_a_model(**changed):
    """A prompt of all our nodes that need no network, and core nodes at its ends. changed: inputs of nodes."""
    nodes = {
        "image": ("LoadImage", {"image": "draft_square.png"}),
        "draw": ("DrawTrajectories", {"image": ["image", 0], "drawing": json.dumps(DRAWING)}),
        "export": ("ExportTracks", {**WRITTEN, "format": "kj"}),
        "wan": ("WanMoveConcatTrack", {"tracks_1": ["export", 0]}),
        "tracks": (
            "TrajectoriesFromTracks",
            {"text": "", "coordinates": "auto", "tracks": ["wan", 0], "image": ["image", 0]},
        ),
        "text": ("TrajectoriesFromTracks", {"text": ["export", 1], "coordinates": "auto", "image": ["image", 0]}),
        "file": ("LoadTracks", {"file": "draft_tracks.json", "coordinates": "auto"}),
        "keep": (
            "SaveTracks",
            {**WRITTEN, "trajectories": ["tracks", 0], "format": "json", "filename_prefix": "draft/t"},
        ),
        "keep_text": (
            "SaveTracks",
            {**WRITTEN, "trajectories": ["text", 0], "format": "json", "filename_prefix": "draft/t"},
        ),
        "keep_file": (
            "SaveTracks",
            {
                **WRITTEN,
                "trajectories": ["file", 0],
                "width": 64,
                "height": 48,
                "format": "json",
                "filename_prefix": "draft/t",
            },
        ),
        "field": (
            "DraftMotionField",
            {"image": ["image", 0], "trajectories": ["draw", 0], "frames": 4, "motion_brush": ["draw", 1]},
        ),
        "camera": ("CameraMotion", {**CAMERA, "frames": 2, "width": 32, "height": 24}),
        "blend": ("BlendMotionFields", {"first": ["field", 0], "second": ["camera", 0], "amount": 0.5}),
        "seen": ("AddCamera", {**CAMERA, "motion_field": ["blend", 0]}),
        "scale": ("ScaleMotionField", {"motion_field": ["seen", 0], "amount": 0.5}),
        "restrict": ("RestrictMotionField", {"motion_field": ["scale", 0], "mask": ["draw", 1]}),
        "loop": (
            "RetimeMotionField",
            {"motion_field": ["restrict", 0], "frames": 5, "mode": "there and back", "easing": "in_out"},
        ),
        "look": (
            "PreviewMotionField",
            {"motion_field": ["loop", 0], "look": "arrows", "spacing": 8, "largest": 0, "image": ["image", 0]},
        ),
        "info": ("MotionFieldInfo", {"motion_field": ["loop", 0]}),
        "save": (
            "SaveMotionField",
            {"motion_field": ["loop", 0], "filename_prefix": "draft/f", "format": "npz", "flo_relative_to": "previous"},
        ),
        "load": ("LoadMotionField", {"file": "draft_field.npz", "flo_relative_to": "previous"}),
        "render": ("DraftRender", {"image": ["image", 0], "motion_field": ["load", 0]}),
        "show": ("PreviewImage", {"images": ["render", 0]}),
    }
    core = {"LoadImage", "PreviewImage", "WanMoveConcatTrack"}
    return {
        key: {"class_type": kind if kind in core else f"MotionI2V_{kind}", "inputs": inputs | changed.get(key, {})}
        for key, (kind, inputs) in nodes.items()
    }


@pytest.fixture
def given(server):
    """The server, with the files that the prompt reads."""
    folder = server.base / "input"
    folder.mkdir(exist_ok=True)
    square = (square_on_gray()[0].numpy() * 255).astype(np.uint8)
    Image.fromarray(square).save(folder / "draft_square.png")
    (folder / "draft_tracks.json").write_text(json.dumps(DRAWING))
    np.savez(folder / "draft_field.npz", displacement=np.zeros((3, 2, 24, 32), np.float32))
    return server


def test_the_way_without_a_model_runs_on_a_server_and_computes_nothing_twice(given):
    run = given.run(without_a_model())
    assert (run.ended, run.message) == ("success", "")
    assert set(run.executed) == set(without_a_model())
    assert run.outputs["info"]["text"][0].startswith("5 frames of 64×48")
    assert len(run.outputs["show"]["images"]) == 3
    assert run.outputs["look"]["animated"] == [True]
    saved = [json.loads(path.read_text()) for path in sorted((given.base / "output" / "draft").glob("t_*.json"))]
    assert [len(tracks["trajectories"]) for tracks in saved] == [2, 2, 2]
    assert given.run(without_a_model()).executed == []


def test_a_file_that_changed_is_read_again_by_a_server(given):
    given.run(without_a_model())
    np.savez(given.base / "input" / "draft_field.npz", displacement=np.zeros((2, 2, 24, 32), np.float32))
    run = given.run(without_a_model())
    assert {"load", "render", "show"} <= set(run.executed)
    assert "field" not in run.executed
    assert len(run.outputs["show"]["images"]) == 2


def test_what_cannot_be_done_is_told_in_a_sentence(given):
    prompt = without_a_model(draw={"drawing": '{"trajectories": ['}, info={"motion_field": ["field", 0]})
    broken = given.run({key: prompt[key] for key in ("image", "draw", "field", "info")})
    assert broken.ended == "refused", "before anything ran"
    assert "This drawing is broken JSON" in broken.message
    outside = json.dumps({"version": 1, "trajectories": [{"points": [[-0.2, 0.5], [0.5, 0.5]]}]})
    hidden = given.run(without_a_model(draw={"drawing": outside}))
    assert hidden.ended == "error"
    assert "Wan-Move needs tracks that are visible inside the picture in the first frame" in hidden.message
