import builtins
import sys

import pytest
import torch

from motion_core.errors import CheckpointError, MotionError, ShapeError
from motion_core.optical_flow import DisFlow, RaftFlow, all_finite, estimator_named
from tests.filmed import texture


@pytest.fixture(scope="module")
def scene():
    return texture(height=120, width=160)


@pytest.fixture(scope="module", params=["small", "large"])
def raft(request, tmp_path_factory):
    """A file of random weights, as torchvision saves them."""
    flows = pytest.importorskip("torchvision.models.optical_flow", exc_type=ImportError)
    network = getattr(flows, f"raft_{request.param}")(weights=None)
    path = tmp_path_factory.mktemp("raft") / "weights.pth"
    torch.save(network.state_dict(), path)
    return network.eval(), path, f"RAFT {request.param}"


@pytest.mark.parametrize("preset", ["fast", "medium", "fine"])
def test_a_picture_that_went_five_right_and_three_down_is_found_there(scene, preset):
    pytest.importorskip("cv2")
    first, second = scene[:, 20:100, 20:140], scene[:, 17:97, 15:135]
    flow = DisFlow(preset).flow(first, second)
    assert flow.shape == (2, 80, 120)
    inner = flow[:, 10:-10, 10:-10]
    torch.testing.assert_close(inner.mean(dim=(1, 2)), torch.tensor([5.0, 3.0]), atol=0.1, rtol=0)
    assert (inner - torch.tensor([5.0, 3.0]).view(2, 1, 1)).abs().mean() < 0.2


def test_equal_pictures_have_no_flow(scene):
    pytest.importorskip("cv2")
    assert (DisFlow().flow(scene, scene) == 0).all()


def test_dis_does_not_change_what_it_is_given_and_takes_any_floating_type(scene):
    pytest.importorskip("cv2")
    first, second = scene[:, :80, :100].half(), scene[:, 2:82, :100].half()
    before = first.clone()
    flow = DisFlow().flow(first, second)
    assert flow.dtype == torch.float32
    assert torch.equal(first, before)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 40), (17, 9), (33, 47)])
def test_small_and_odd_pictures_have_a_flow_of_their_size(scene, height, width):
    pytest.importorskip("cv2")
    picture = scene[:, :height, :width]
    assert DisFlow().flow(picture, picture).shape == (2, height, width)


@pytest.mark.parametrize(("height", "width"), [(50, 60), (130, 141)])
def test_raft_answers_for_any_size_as_torchvisions_own_on_the_padded_picture(raft, scene, height, width):
    network, path, name = raft
    estimator = RaftFlow.load(path)
    assert estimator.name == name
    pair = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    flow = estimator.flow(*pair)
    assert flow.shape == (2, height, width)
    whole = max(128, -(-height // 8) * 8), max(128, -(-width // 8) * 8)
    padded = torch.nn.functional.pad(pair, (0, whole[1] - width, 0, whole[0] - height), mode="replicate") * 2 - 1
    with torch.no_grad():
        own = network(padded[:1], padded[1:], num_flow_updates=12)[-1][0, :, :height, :width]
    torch.testing.assert_close(flow, own)


def test_weights_of_something_else_are_not_raft(tmp_path):
    pytest.importorskip("torchvision.models.optical_flow", exc_type=ImportError)
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="does not hold the weights of torchvision's RAFT"):
        RaftFlow.load(tmp_path / "other.pth")


def test_a_missing_or_broken_file_of_weights_is_told(tmp_path):
    with pytest.raises(CheckpointError, match="There is no file"):
        RaftFlow.load(tmp_path / "none.pth")
    (tmp_path / "broken.pth").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(CheckpointError, match="damaged"):
        RaftFlow.load(tmp_path / "broken.pth")


def without(monkeypatch, module):
    real = builtins.__import__

    def importing(name, *rest):
        if name.split(".")[0] == module:
            raise ImportError(f"No module named {name!r}")
        return real(name, *rest)

    for loaded in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(builtins, "__import__", importing)


def test_without_opencv_its_package_is_named(monkeypatch):
    without(monkeypatch, "cv2")
    with pytest.raises(MotionError, match="pip install opencv-python-headless"):
        DisFlow()


def test_without_torchvision_dis_is_offered(monkeypatch, tmp_path):
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "weights.pth")
    without(monkeypatch, "torchvision")
    with pytest.raises(MotionError, match=r"needs torchvision.*or choose DIS"):
        RaftFlow.load(tmp_path / "weights.pth")


def test_estimators_have_names(raft):
    pytest.importorskip("cv2")
    assert estimator_named("dis").name == "DIS medium"
    assert estimator_named(" DIS-fine ").name == "DIS fine"
    assert estimator_named("raft", raft[1]).name == raft[2]
    with pytest.raises(MotionError, match="never downloaded"):
        estimator_named("raft")
    with pytest.raises(MotionError, match="takes no weights"):
        estimator_named("dis", raft[1])
    for unknown in ("", "farneback", "dis-slow", "raft-large"):
        with pytest.raises(MotionError, match="dis, dis-fast, dis-fine or raft"):
            estimator_named(unknown)
    with pytest.raises(MotionError, match="fast, medium, fine; got “slow”"):
        DisFlow("slow")


def test_pictures_that_cannot_be_compared_are_told():
    pytest.importorskip("cv2")
    dis, picture = DisFlow(), torch.zeros(3, 20, 30)
    with pytest.raises(ShapeError, match="of one size; got 30×20 and 31×20"):
        dis.flow(picture, torch.zeros(3, 20, 31))
    for other in (torch.zeros(20, 30), torch.zeros(1, 20, 30), torch.zeros(3, 20, 30, dtype=torch.uint8)):
        with pytest.raises(ShapeError, match=r"floating-point \[3, H, W\]"):
            dis.flow(picture, other)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_one_value_that_is_no_number_is_told_in_either_picture(wrong, dtype):
    pytest.importorskip("cv2")
    picture = torch.zeros(3, 20, 30, dtype=dtype)
    broken = picture.clone()
    broken[1, 7, 11] = wrong
    for pair in ((picture, broken), (broken, picture)):
        with pytest.raises(MotionError, match="not a finite number"):
            DisFlow().flow(*pair)


@pytest.mark.parametrize("wrong", [[torch.nan], [torch.inf], [-torch.inf], [torch.inf, -torch.inf]])
@pytest.mark.parametrize("where", [0, 3_141_592, -2])
def test_one_value_that_is_no_number_is_found_among_six_million(wrong, where):
    picture = torch.rand(3, 1080, 1920, generator=torch.Generator().manual_seed(0))
    assert all_finite(picture)
    picture.view(-1)[where:][: len(wrong)] = torch.tensor(wrong)
    assert not all_finite(picture)


def test_pictures_that_lie_otherwise_in_memory_have_the_same_flow(scene):
    pytest.importorskip("cv2")
    first, second = scene[:, 20:100, 20:140], scene[:, 17:97, 15:135]
    turned = [picture.transpose(1, 2).contiguous().transpose(1, 2) for picture in (first, second)]
    flat = [picture.permute(1, 2, 0).contiguous().permute(2, 0, 1) for picture in (first, second)]
    flow = DisFlow().flow(first.contiguous(), second.contiguous())
    assert torch.equal(DisFlow().flow(*turned), flow)
    assert torch.equal(DisFlow().flow(*flat), flow)
