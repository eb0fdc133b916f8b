"""Motion Field from Video on a real ComfyUI: the core's own motion, in ComfyUI's words."""

import json
import sys

import pytest
import torch

from tests.comfy.test_workflows import save_video

CHOSEN = {
    "estimator": "dis", "weights": "none", "method": "best", "frames": 0, "width": 0, "height": 0, "at_cut": "stop",
}  # fmt: skip


def grain(height, width, seed=0):
    """[height, width, 3]: spots of a few pixels, which can be found again."""
    noise = torch.rand(1, 3, height // 4 + 1, width // 4 + 1, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, (height, width), mode="bicubic")[0].clamp(0, 1).movedim(0, -1)


def shot(frames=4, seed=0):
    """IMAGE [F, 96, 128, 3]: everything goes 3 pixels right and 2 down a frame."""
    ground = grain(160, 200, seed)
    return torch.stack([ground[30 - 2 * i : 126 - 2 * i, 40 - 3 * i : 168 - 3 * i] for i in range(frames)])


def field_of(host, images, **chosen):
    """field, seen, summary."""
    return host.run("MotionFieldFromVideo", images=images, **(CHOSEN | chosen))[:3]


@pytest.fixture
def opencv():
    pytest.importorskip("cv2")


def middle(field):
    """(x, y) px that the picture's middle goes, frame by frame."""
    step = field.displacement
    return step[:, :, step.shape[2] // 2, step.shape[3] // 2].round().tolist()


def test_what_moves_in_the_video_moves_in_the_field(host, opencv):
    field, seen, summary = field_of(host, shot())
    assert middle(field) == [[0, 0], [3, 2], [6, 4], [9, 6]]
    assert seen.shape == (4, 96, 128)
    assert seen[:, 48, 64].tolist() == [1, 1, 1, 1]
    assert seen[3, :, -8:].max() == 0, "these columns have left the picture"
    assert "4 frames of 128×96" in summary
    assert "found by DIS medium, best, in 4 frames of 128×96" in summary
    assert "cut" not in summary


@pytest.mark.parametrize(("frames", "fps"), [(0, 30), (7, 60), (3, 20)])
def test_it_tells_at_how_many_frames_a_second_the_motion_is_as_fast_as_in_the_video(host, opencv, frames, fps):
    """Four frames at 30 a second last a tenth of a second from the first to the last."""
    given = CHOSEN | {"frames": frames, "estimator": "dis-fast", "method": "chained"}
    assert host.run("MotionFieldFromVideo", images=shot(), fps=30.0, **given)[3] == fps


@pytest.mark.parametrize("method", ["best", "direct", "chained"])
@pytest.mark.parametrize("estimator", ["dis", "dis-fast", "dis-fine"])
def test_it_is_the_cores_own_motion(host, opencv, estimator, method):
    images = shot()
    field, seen, _ = field_of(host, images, estimator=estimator, method=method)
    flow, source = host.module("motion_core.optical_flow"), host.module("motion_core.source_video")
    own = source.motion_from_video(images.movedim(-1, 1), flow.estimator_named(estimator), method=method)
    assert field.displacement.equal(own.field.displacement)
    assert seen.bool().equal(own.seen)


def test_the_images_stay_as_they_are(host, opencv):
    images = shot()
    field_of(host, images)
    assert images.equal(shot())


@pytest.mark.parametrize(
    ("width", "height", "size"), [(64, 0, (48, 64)), (0, 48, (48, 64)), (100, 40, (40, 100)), (0, 0, (96, 128))]
)
def test_the_field_has_the_size_that_is_asked_for(host, opencv, width, height, size):
    field, seen, _ = field_of(host, shot(3), width=width, height=height)
    assert tuple(field.size) == size
    assert seen.shape == (3, *size)
    assert middle(field)[-1] == [round(6 * size[1] / 128), round(4 * size[0] / 96)], "lengths are resized too"


def test_the_size_can_be_that_of_the_picture_that_is_to_move(host, opencv):
    field, _, _ = field_of(host, shot(3), image=torch.zeros(1, 48, 80, 3), width=999, height=999)
    assert tuple(field.size) == (48, 80)


def test_the_whole_motion_is_spread_over_as_many_frames_as_wanted(host, opencv):
    field, seen, _ = field_of(host, shot(4), frames=7)
    assert (field.frames, len(seen)) == (7, 7)
    assert middle(field)[::2] == [[0, 0], [3, 2], [6, 4], [9, 6]]


def test_outside_the_mask_everything_rests(host, opencv):
    mask = torch.zeros(1, 48, 64)  # of half the video's size
    mask[:, :, :32] = 1
    field, seen, summary = field_of(host, shot(), mask=mask)
    assert field.displacement[3, :, 48, 40].round().tolist() == [9, 6]
    assert not field.displacement[..., 70:].any()
    assert seen[3, 48, 90] == 1, "what is seen is of the video, not of the mask"
    assert "only what lies under the mask moves" in summary


def test_tracks_take_the_place_of_the_estimator(host, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)  # which is not needed then
    path = torch.tensor([[[20.0, 30.0], [120.0, 60.0]]]) + torch.tensor([0.0, 6.0, 12.0]).view(3, 1, 1) * torch.tensor(
        [1.0, 0.0]
    )
    tracks = {"track_path": path, "track_visibility": torch.ones(3, 2, dtype=torch.bool)}
    field, seen, summary = field_of(host, shot(3), tracks=tracks)
    torch.testing.assert_close(field.displacement[:, 0, 30, 20], torch.tensor([0.0, 6.0, 12.0]), atol=0.3, rtol=0)
    assert tuple(field.size) == (96, 128)
    assert seen[2, 30, 20] == 1
    assert seen[2, 60, 120] == 0, "it has left the picture"
    assert "tracks" in summary
    tracks["track_visibility"][1, 0] = False
    _, seen, _ = field_of(host, shot(3), tracks=tracks)
    assert seen[:, 30, 20].tolist() == [1, 0, 1], "the tracker lost it in between"
    longer, _, _ = field_of(host, shot(3), tracks=tracks, frames=5, width=64)
    assert (longer.frames, tuple(longer.size)) == (5, (48, 64))
    assert longer.displacement[-1, 0, 15, 10] == pytest.approx(6, abs=0.3), "counted in pixels of the video"


def test_a_cut_ends_the_motion_or_is_refused(host, opencv):
    images = torch.cat([shot(3), shot(3, seed=5)])
    field, seen, summary = field_of(host, images)
    assert (field.frames, len(seen)) == (3, 3)
    assert "ends before the cut at frame 3 of the video" in summary
    with pytest.raises(Exception, match="hard cut") as refused:
        field_of(host, images, at_cut="refuse")
    assert type(refused.value).__name__ == "MotionError"


def test_one_frame_is_no_video(host, opencv):
    with pytest.raises(Exception, match="two frames at least; got 1"):
        field_of(host, shot(1))


def test_without_opencv_it_is_said_what_to_install(host, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(Exception, match="pip install opencv-python-headless"):
        field_of(host, shot(2))


def test_raft_asks_for_its_weights(host):
    with pytest.raises(Exception, match="into models/optical_flow and choose it as weights"):
        field_of(host, shot(2), estimator="raft")


def test_raft_is_found_in_its_folder(host):
    models = pytest.importorskip("torchvision.models.optical_flow")
    folder = host.base / "models" / "optical_flow"
    folder.mkdir(parents=True, exist_ok=True)
    weights = models.raft_small(weights=None).state_dict()
    resting = {name: torch.zeros_like(w) if "flow_head" in name else w for name, w in weights.items()}
    torch.save(resting, folder / "raft_small.pth")
    offered = host.nodes["MotionI2V_MotionFieldFromVideo"].GET_NODE_INFO_V1()["input"]["required"]["weights"]
    assert "raft_small.pth" in (offered[1]["options"] if offered[0] == "COMBO" else offered[0])
    darker = torch.cat([shot(1), shot(1) * 0.98])
    field, _, summary = field_of(host, darker, estimator="raft", weights="raft_small.pth")
    assert not field.displacement.any()
    assert "found by RAFT small" in summary


def test_progress_is_told_and_an_interrupt_ends_it(host, opencv):
    import comfy.model_management
    import comfy.utils

    told = []
    comfy.utils.set_progress_bar_global_hook(lambda done, total, *_, **__: told.append((done, total)))
    try:
        field_of(host, shot())
    finally:
        comfy.utils.set_progress_bar_global_hook(None)
    assert (told[0], told[-1]) == ((1, 4), (4, 4)), "ComfyUI leaves out what comes too fast"
    comfy.model_management.interrupt_current_processing()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        field_of(host, shot())
    assert field_of(host, shot(2))[0].frames == 2, "and goes on afterwards"


def test_a_restyled_video_moves_as_its_source(server, opencv):
    save_video(server.base / "input" / "pan.mp4")
    core = {
        "load": ("LoadVideo", {"file": "pan.mp4"}),
        "parts": ("GetVideoComponents", {"video": ["load", 0]}),
        "first": ("ImageFromBatch", {"image": ["parts", 0], "batch_index": 0, "length": 1}),
        "negative": ("ImageInvert", {"image": ["first", 0]}),
        "told": ("PreviewAny", {"source": ["report", 0]}),
        "found": ("PreviewAny", {"source": ["field", 2]}),
        "seen": ("MaskPreview", {"mask": ["field", 1]}),
    }
    ours = {
        "field": ("MotionFieldFromVideo", {"images": ["parts", 0], **CHOSEN}),
        "render": ("DraftRender", {"image": ["negative", 0], "motion_field": ["field", 0]}),
        "report": (
            "MotionReport",
            {
                "images": ["render", 0],
                "estimator": "dis",
                "fps": ["parts", 2],
                "prompt": "",
                "clip_model": "none",
                "motion_field": ["field", 0],
                "image": ["negative", 0],
            },
        ),
    }
    nodes = core | {key: (f"MotionI2V_{kind}", inputs) for key, (kind, inputs) in ours.items()}
    run = server.run({key: {"class_type": kind, "inputs": inputs} for key, (kind, inputs) in nodes.items()})
    assert (run.ended, run.message) == ("success", "")
    assert "5 frames of 120×80" in run.outputs["found"]["text"][0]
    assert len(run.outputs["seen"]["images"]) == 5, "one mask a frame"
    told = json.loads(run.outputs["told"]["text"][0])
    assert (told["frames"], told["fps"]) == (5, 10)
    far = told["metrics"]["average_displacement"]
    assert far["field"]["value"] == pytest.approx(5, abs=0.5), "2, 4, 6 and 8 pixels"
    assert far["frames"]["value"] == pytest.approx(far["field"]["value"], abs=0.5)
    assert "Motion report: 5 frames" in run.outputs["report"]["text"][0]
    (plot,) = run.outputs["report"]["images"]
    assert (server.base / "temp" / plot["filename"]).stat().st_size > 0
    assert [step for node, step, _ in run.progress if node == "field"][-1] == 5
