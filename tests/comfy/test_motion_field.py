"""Looking at, editing, saving and loading motion fields, on a real ComfyUI."""

from pathlib import Path

import pytest
import torch
from PIL import Image

ROOT = Path(__file__).parents[2]


@pytest.fixture
def types(host):
    return host.module("motion_core.types")


@pytest.fixture
def field(types):
    """4 frames of 32×24, in which everything goes 6 pixels right and 3 up."""
    share = torch.linspace(0, 1, 4).view(-1, 1, 1, 1)
    return types.MotionField((share * torch.tensor([6.0, -3.0]).view(1, 2, 1, 1)).expand(4, 2, 24, 32).clone())


# See


@pytest.mark.parametrize("look", ["colors", "arrows", "grid"])
@pytest.mark.parametrize("size", [(24, 32), (48, 64)])
def test_every_look_is_the_cores_own_over_a_picture_of_any_size(host, field, types, look, size):
    colors = host.module("motion_core.flow_color")
    picture = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    fitted = field.resized(types.Size(*size))
    own = {
        "colors": lambda: colors.flow_color(fitted) * (0.5 + 0.5 * picture),
        "arrows": lambda: colors.arrows(fitted, picture, spacing=8),
        "grid": lambda: colors.moved_grid(fitted, spacing=8, picture=picture),
    }[look]()
    image = picture.movedim(0, -1)[None]
    images = host.run("PreviewMotionField", motion_field=field, look=look, spacing=8, largest=0.0, image=image)
    assert images.shape == (4, *size, 3)
    torch.testing.assert_close(images, own.movedim(1, -1).clamp(0, 1))


@pytest.mark.parametrize("look", ["colors", "arrows", "grid"])
def test_no_picture_is_needed_to_look_at_a_field(host, field, look):
    images = host.run("PreviewMotionField", motion_field=field, look=look, spacing=8, largest=0.0)
    assert images.shape == (4, 24, 32, 3)
    assert not images[0].equal(images[-1])


def test_the_full_color_can_be_fixed_to_compare_fields(host, field):
    pale = host.run("PreviewMotionField", motion_field=field, look="colors", spacing=8, largest=100.0)
    full = host.run("PreviewMotionField", motion_field=field, look="colors", spacing=8, largest=0.0)
    assert pale[-1].min() > 0.9 > full[-1].min()


def test_a_preview_plays_below_the_node(host, field):
    node = host.nodes["MotionI2V_PreviewMotionField"]
    shown = node.execute(motion_field=field, look="colors", spacing=8, largest=0.0).ui.as_dict()
    assert shown["animated"] == (True,)
    made = shown["images"][0]
    with Image.open(host.base / "temp" / made["subfolder"] / made["filename"]) as played:
        assert (played.size, played.n_frames) == ((32, 24), 4)


# Edit


def test_motion_can_be_scaled_and_turned_around(host, field):
    assert host.run("ScaleMotionField", motion_field=field, amount=2.0).displacement.equal(field.displacement * 2)
    back = host.run("ScaleMotionField", motion_field=field, amount=-1.0)
    assert back.displacement[-1, :, 0, 0].tolist() == [-6, 3]


def test_motion_can_be_kept_to_a_mask_of_any_size(host, field):
    mask = torch.zeros(1, 48, 64)
    mask[:, :, :32] = 1
    kept = host.run("RestrictMotionField", motion_field=field, mask=mask).displacement
    assert kept[-1, 0, :, :15].unique().tolist() == [6]
    assert not kept[:, :, :, 17:].any()
    half = host.run("RestrictMotionField", motion_field=field, mask=torch.full((24, 32), 0.5)).displacement
    torch.testing.assert_close(half, field.displacement / 2)
    assert not host.run("RestrictMotionField", motion_field=field, mask=torch.zeros(1, 9, 9)).displacement.any()


def test_a_camera_is_added_as_the_core_does(host, field):
    numbers = {"zoom": 1.5, "pan_x": 0.25, "pan_y": 0.0, "rotate": 10.0, "easing": "in_out"}
    camera = host.module("motion_core.controls.camera")
    own = camera.seen_by(camera.Camera(**numbers, centre=(0.25, 0.75)), field)
    seen = host.run("AddCamera", motion_field=field, **numbers, centre_x=0.25, centre_y=0.75)
    assert seen.displacement.equal(own.displacement)


def test_a_camera_over_a_resting_scene_is_camera_motion(host, types):
    numbers = {
        "zoom": 0.8, "pan_x": 0.1, "pan_y": 0.2, "rotate": -5.0, "centre_x": 0.3, "centre_y": 0.6, "easing": "out",
    }  # fmt: skip
    rest = types.MotionField.still(types.Size(24, 32), frames=4)
    alone = host.run("CameraMotion", **numbers, frames=4, width=32, height=24)
    assert host.run("AddCamera", motion_field=rest, **numbers).displacement.equal(alone.displacement)


def far(field):
    return field.displacement[:, 0, 0, 0].tolist()


def test_motion_can_be_retimed_and_looped(host, field):
    longer = host.run("RetimeMotionField", motion_field=field, frames=7, mode="stretch", easing="linear")
    assert far(longer) == pytest.approx([0, 1, 2, 3, 4, 5, 6])
    loop = host.run("RetimeMotionField", motion_field=field, frames=5, mode="there and back", easing="linear")
    back = host.run("RetimeMotionField", motion_field=field, frames=5, mode="backwards", easing="linear")
    assert torch.equal(back.displacement, field.backwards(5).displacement)
    assert far(loop) == pytest.approx([0, 3, 6, 3, 0])
    late = host.run("RetimeMotionField", motion_field=field, frames=3, mode="stretch", easing="in")
    assert far(late) == pytest.approx([0, 1.5, 6])
    assert host.run("RetimeMotionField", motion_field=field, frames=0, mode="stretch", easing="in").frames == 4


def test_a_blend_fits_the_second_field_to_the_first(host, field, types):
    down = torch.tensor([0.0, 8.0]).view(1, 2, 1, 1).expand(1, 2, 48, 64)
    second = types.MotionField.after_reference(down)  # 2 frames of twice the size: 4 px down on the first one's grid
    half = host.run("BlendMotionFields", first=field, second=second, amount=0.5)
    assert (half.frames, half.size) == (4, (24, 32))
    assert half.displacement[-1, :, 0, 0].tolist() == [3, 0.5]
    mask = torch.zeros(1, 24, 32)
    mask[:, :12] = 1
    sides = host.run("BlendMotionFields", first=field, second=second, amount=1.0, mask=mask).displacement
    assert sides[-1, :, 0, 0].tolist() == [0, 4]
    assert sides[-1, :, -1, 0].tolist() == [6, -3]


# Keep


@pytest.mark.parametrize("format", ["safetensors", "npz", "flo folder"])
@pytest.mark.parametrize("relative_to", ["previous", "reference"])
def test_what_was_saved_is_loaded_again(host, field, format, relative_to):
    prefix = f"motion_i2v/{format[:3]}_{relative_to}"
    path = host.run(
        "SaveMotionField", motion_field=field, filename_prefix=prefix, format=format, flo_relative_to=relative_to
    )
    name = f"motion_i2v/{Path(path).name} [output]"
    assert name in host.nodes["MotionI2V_LoadMotionField"].GET_SCHEMA().inputs[0].options
    loaded = host.run("LoadMotionField", file=name, flo_relative_to=relative_to)
    torch.testing.assert_close(loaded.displacement, field.displacement)


def test_fields_are_numbered_and_never_overwritten(host, field):
    for format, suffix in (("npz", ".npz"), ("flo folder", "")):
        order = {"motion_field": field, "format": format, "flo_relative_to": "previous"}
        paths = [host.run("SaveMotionField", **order, filename_prefix=f"motion_i2v/{format[:3]}_n") for _ in range(2)]
        assert [Path(path).name for path in paths] == [f"{format[:3]}_n_0000{i}_{suffix}" for i in (1, 2)]


def test_a_folder_is_not_named_with_a_dot(host, field):
    with pytest.raises(host.module("motion_core.errors").MotionError, match="has no dot"):
        host.run(
            "SaveMotionField",
            motion_field=field,
            filename_prefix="a.b",
            format="flo folder",
            flo_relative_to="previous",
        )


def test_nothing_is_saved_outside_the_output_folder(host):
    validate = host.nodes["MotionI2V_SaveMotionField"].validate_inputs
    assert "leads out of it" in validate(filename_prefix="../../stolen")
    assert validate(filename_prefix="mine") is True


def test_fields_of_the_input_folder_are_offered_and_read_again_when_they_change(host, field):
    node, folder = host.nodes["MotionI2V_LoadMotionField"], host.base / "input"
    save_field = host.module("motion_core.field_file").save_field
    folder.mkdir(exist_ok=True)
    save_field(field, folder / "flow.npz")
    save_field(field, folder / "flow")
    (folder / "empty").mkdir(exist_ok=True)
    offered = node.GET_SCHEMA().inputs[0].options
    assert {"flow", "flow.npz"} <= set(offered)
    assert "empty" not in offered
    for name in ("flow", "flow.npz"):
        loaded = host.run("LoadMotionField", file=name, flo_relative_to="previous")
        torch.testing.assert_close(loaded.displacement, field.displacement)
        before = node.fingerprint_inputs(file=name, flo_relative_to="previous")
        assert node.fingerprint_inputs(file=name, flo_relative_to="previous") == before
        save_field(field.scaled(2).cut(3), folder / name)
        assert node.fingerprint_inputs(file=name, flo_relative_to="previous") != before


def test_a_file_that_is_no_field_says_so(host):
    (host.base / "input").mkdir(exist_ok=True)
    (host.base / "input" / "noise.npz").write_bytes(b"noise")
    with pytest.raises(host.module("motion_core.errors").MotionError, match="damaged"):
        host.run("LoadMotionField", file="noise.npz", flo_relative_to="previous")


def test_the_facts_of_a_field_are_the_cores_own(host, field):
    told = host.run("MotionFieldInfo", motion_field=field)
    assert told == field.summary
    assert told.splitlines()[0] == "4 frames of 32×24"
    assert "largest displacement: 6.71 px, 16.77 % of the diagonal" in told  # of √(6²+3²) px; the diagonal is 40


# Help


def test_every_node_has_a_help_page_that_names_its_inputs_and_outputs(host):
    nodes = [node for name in ("trajectories", "draft", "motion_field") for node in host.module(f"nodes.{name}").NODES]
    for node in nodes:
        schema = node.GET_SCHEMA()
        page = (ROOT / "web" / "docs" / f"{schema.node_id}.md").read_text("utf-8")
        assert page.startswith(f"# {schema.display_name}\n")
        for name in [given.id for given in schema.inputs] + [made.display_name for made in schema.outputs]:
            assert f"**{name}**" in page, f"{schema.node_id} says nothing of {name}"


def test_every_input_and_output_has_a_tooltip(host):
    for name in ("trajectories", "draft", "motion_field"):
        for node in host.module(f"nodes.{name}").NODES:
            schema = node.GET_SCHEMA()
            for socket in [*schema.inputs, *schema.outputs]:
                canvas = socket.id == "drawing"  # over which the page would show it while one draws
                assert bool(socket.tooltip) != canvas, f"{schema.node_id}: {socket.id}"
