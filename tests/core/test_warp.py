"""Equation 3 by hand, against a slow loop, and as an operator."""

import pytest
import torch

from motion_core.errors import MotionError, ShapeError
from motion_core.types import MotionField, Size
from motion_core.warp import WarpOperator, backward_warp, forward_warp, lands_inside, surface_slope

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))]


def scene(seed=0, batch=2, channels=3, height=7, width=9, reach=3.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, channels, height, width, generator=generator, dtype=dtype)
    displacement = reach * torch.randn(batch, 2, height, width, generator=generator, dtype=dtype)
    importance = torch.randn(batch, 1, height, width, generator=generator, dtype=dtype)
    return features, displacement, importance


def slow_forward_warp(features, displacement, weight):
    batch, _, height, width = features.shape
    value, total = torch.zeros_like(features), torch.zeros_like(weight)
    coverage = torch.zeros_like(weight)
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                to_x, to_y = x + displacement[b, 0, y, x].item(), y + displacement[b, 1, y, x].item()
                for column in range(width):
                    for row in range(height):
                        share = max(0.0, 1 - abs(column - to_x)) * max(0.0, 1 - abs(row - to_y))
                        value[b, :, row, column] += share * weight[b, 0, y, x] * features[b, :, y, x]
                        total[b, 0, row, column] += share * weight[b, 0, y, x]
                        coverage[b, 0, row, column] += share
    return value, total, coverage


def test_a_pixel_lands_inside_if_the_pixel_nearest_to_its_place_is_of_the_picture():
    """Of 3×2 pixels, the left ones reach as far as -½, the lower ones as far as 1½; nowhere is not inside."""
    displacement = torch.zeros(1, 2, 2, 3)
    displacement[0, 0, 0] = torch.tensor([-0.4, 1.4, 0.6])
    displacement[0, 0, 1] = torch.tensor([-0.6, torch.nan, 0.0])
    displacement[0, 1, 1] = torch.tensor([0.0, 0.0, 0.6])
    assert lands_inside(displacement).tolist() == [[[True, True, False], [False, False, False]]]
    displacement[0, 1, 1, 2] = 0.4
    assert lands_inside(displacement)[0, 1, 2]


def test_a_pixel_moves_right_and_leaves_a_hole():
    features = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    one_right = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
    warped, coverage = forward_warp(features, one_right)
    torch.testing.assert_close(warped, torch.tensor([[[[0.0, 1.0, 2.0]]]]))
    assert coverage.flatten().tolist() == [0, 1, 1]


def test_half_a_pixel_is_shared_between_two():
    features = torch.tensor([[[[8.0, 0.0, 0.0]]]])
    half_right = torch.tensor([0.5, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
    warped, coverage = forward_warp(features, half_right, "summation")
    assert warped.flatten().tolist() == [4, 4, 0]
    assert coverage.flatten().tolist() == [0.5, 1, 1]


def test_zero_motion_returns_the_features():
    features, displacement, _ = scene()
    warped, coverage = forward_warp(features, torch.zeros_like(displacement))
    torch.testing.assert_close(warped, features / (1 + 1e-7))
    assert (coverage == 1).all()


@pytest.mark.parametrize("mode", ["summation", "average", "linear", "softmax"])
@pytest.mark.parametrize("device", DEVICES)
def test_it_agrees_with_a_slow_loop(mode, device):
    features, displacement, importance = scene()
    weight = {"linear": importance.exp() + 0.1, "softmax": importance.exp()}.get(mode, torch.ones_like(importance))
    value, total, expected_coverage = slow_forward_warp(features, displacement, weight)
    expected = value if mode == "summation" else value / (total + 1e-7)
    given = {"linear": importance.exp() + 0.1, "softmax": importance}.get(mode)
    warped, coverage = forward_warp(
        features.to(device), displacement.to(device), mode, None if given is None else given.to(device)
    )
    torch.testing.assert_close(warped.cpu(), expected)
    torch.testing.assert_close(coverage.cpu(), expected_coverage)


def test_softmax_lets_the_more_important_pixel_cover_the_other():
    features = torch.tensor([[[[1.0, 5.0]]]])
    both_on_the_left = torch.tensor([[[[0.0, -1.0]], [[0.0, 0.0]]]])
    front = torch.tensor([[[[0.0, 20.0]]]])
    warped, coverage = forward_warp(features, both_on_the_left, "softmax", front)
    torch.testing.assert_close(warped.flatten(), torch.tensor([5.0, 0.0]))
    assert coverage.flatten().tolist() == [2, 0]


def test_softmax_survives_importances_that_exp_does_not():
    features, displacement, importance = scene(dtype=torch.float32)
    usual, _ = forward_warp(features, displacement, "softmax", importance)
    shifted, _ = forward_warp(features, displacement, "softmax", importance + 500, guard="replace")
    assert torch.isfinite(shifted).all()
    touched = forward_warp(features, displacement)[1] > 0.05
    torch.testing.assert_close(shifted * touched, usual * touched, atol=1e-3, rtol=1e-3)


def test_pixels_sent_nowhere_are_dropped():
    features = torch.ones(1, 1, 1, 5)
    displacement = torch.zeros(1, 2, 1, 5)
    displacement[0, 0, 0] = torch.tensor([float("nan"), float("inf"), -float("inf"), 1e30, 0.0])
    warped, coverage = forward_warp(features, displacement)
    assert coverage.flatten().tolist() == [0, 0, 0, 0, 1]
    torch.testing.assert_close(warped.flatten(), torch.tensor([0.0, 0, 0, 0, 1]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_sums_in_single_precision(dtype):
    features, displacement, _ = scene(dtype=torch.float32, channels=5)
    half, coverage = forward_warp(features.to(dtype), displacement.to(dtype))
    exact, _ = forward_warp(features.to(dtype).float(), displacement.to(dtype).float())
    assert half.dtype == dtype
    assert coverage.dtype == torch.float32
    torch.testing.assert_close(half, exact.to(dtype))


@pytest.mark.parametrize("mode", ["summation", "average", "linear", "softmax"])
def test_it_is_differentiable(mode):
    features, displacement, importance = scene(batch=1, channels=2, height=3, width=4, reach=0.7)
    given = [features, displacement]
    if mode in ("linear", "softmax"):
        given.append(importance.exp())
    given = [tensor.requires_grad_() for tensor in given]
    assert torch.autograd.gradcheck(lambda *tensors: forward_warp(*tensors[:2], mode, *tensors[2:]), given, atol=1e-3)


def test_no_channels_and_many_channels_are_fine():
    _, displacement, _ = scene()
    for channels in (0, 1, 67):
        assert forward_warp(torch.ones(2, channels, 7, 9, dtype=torch.float64), displacement)[0].shape[1] == channels


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"features": torch.ones(3, 4, 5)}, "floating-point"),
        ({"features": torch.ones(1, 3, 4, 5, dtype=torch.long)}, "floating-point"),
        ({"displacement": torch.zeros(1, 2, 5, 4)}, r"must be \[1, 2, 4, 5\]; got \[1, 2, 5, 4\]"),
        ({"mode": "median"}, "knows the modes summation, average, linear, softmax"),
        ({"mode": "softmax"}, "needs an importance"),
        ({"importance": torch.ones(1, 1, 4, 5)}, "takes no importance"),
        ({"mode": "linear", "importance": torch.ones(1, 4, 5)}, "importance must be"),
        ({"guard": "hope"}, "guards add, replace, clip"),
    ],
)
def test_bad_input_says_what_was_wanted(given, message):
    usual = {"features": torch.ones(1, 3, 4, 5), "displacement": torch.zeros(1, 2, 4, 5)}
    with pytest.raises(MotionError, match=message):
        forward_warp(**usual | given)


def test_backward_warp_fetches_and_keeps_the_rim():
    features = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    from_the_right = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 3)
    assert backward_warp(features, from_the_right).flatten().tolist() == pytest.approx([2, 3, 3])
    assert backward_warp(features, from_the_right, beyond="zeros").flatten().tolist() == pytest.approx([2, 3, 0])


def slow_backward_warp(features, displacement, beyond):
    """Weighs every pixel by its nearness to the place that is fetched; one axis of places after the other."""
    batch, _, height, width = features.shape
    fetched = torch.zeros_like(features)

    def shares(place, length):
        if beyond == "border":
            place = min(max(place, 0), length - 1)
        if beyond == "reflection":
            place = abs((place + length - 1) % (2 * length - 2) - (length - 1))
        return [max(0.0, 1 - abs(pixel - place)) for pixel in range(length)]

    for b in range(batch):
        for y in range(height):
            for x in range(width):
                columns = shares(x + displacement[b, 0, y, x].item(), width)
                rows = shares(y + displacement[b, 1, y, x].item(), height)
                nearness = torch.tensor(rows, dtype=features.dtype)[:, None] * torch.tensor(columns)
                fetched[b, :, y, x] = (features[b] * nearness).sum(dim=(1, 2))
    return fetched


@pytest.mark.parametrize("beyond", ["border", "zeros", "reflection"])
@pytest.mark.parametrize("device", DEVICES)
def test_fetching_agrees_with_a_slow_loop_inside_the_picture_and_far_beyond(beyond, device):
    features, displacement, _ = scene(reach=6.0)
    fetched = backward_warp(features.to(device), displacement.to(device), beyond=beyond)
    assert fetched.dtype == torch.float64
    torch.testing.assert_close(fetched.cpu(), slow_backward_warp(features, displacement, beyond), atol=1e-6, rtol=0)


def test_zero_motion_fetches_every_pixel_from_where_it_is():
    features = torch.rand(2, 3, 320, 512, generator=torch.Generator().manual_seed(0))
    still = torch.zeros(2, 2, 320, 512)
    torch.testing.assert_close(backward_warp(features, still), features, atol=1e-4, rtol=0)
    half = backward_warp(features.half(), still.half())
    assert half.dtype == torch.float16
    torch.testing.assert_close(half, features.half(), atol=1e-3, rtol=0)


def test_fetching_from_infinitely_far_gives_the_rim_and_from_nowhere_a_finite_value():
    features = torch.tensor([[[[1.0, 2.0, 3.0]]]])
    displacement = torch.zeros(1, 2, 1, 3)
    displacement[0, 0, 0] = torch.tensor([torch.inf, -torch.inf, torch.nan])
    fetched = backward_warp(features, displacement).flatten()
    assert fetched[:2].tolist() == [3, 1]
    assert 1 <= fetched[2] <= 3


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (4, 1)])
def test_one_row_or_column_is_its_own_rim(height, width):
    features = torch.arange(4.0)[: height * width].view(1, 1, height, width)
    across = torch.full((1, 2, height, width), 5.0)
    assert backward_warp(features, across).flatten().tolist() == [features.max()] * height * width


def test_fetching_is_differentiable():
    features, displacement, _ = scene(batch=2, channels=2, height=3, width=4, reach=0.7)
    assert torch.autograd.gradcheck(backward_warp, [features.requires_grad_(), displacement.requires_grad_()])


def moving_field(frames=4, height=16, width=24, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return MotionField.after_reference(3 * torch.randn(frames - 1, 2, height, width, generator=generator))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("size", [Size(16, 24), Size(8, 12), Size(5, 7)])
def test_the_operator_equals_the_average_splat_of_the_resized_field(size, device):
    field, features = moving_field(), torch.randn(2, 6, *size, generator=torch.Generator().manual_seed(1))
    carried = WarpOperator(field)(features.to(device))
    displacement = field.resized(size).displacement[1:]
    for sample in range(2):
        expected, _ = forward_warp(features[[sample]].expand(3, -1, -1, -1), displacement)
        torch.testing.assert_close(carried[sample].cpu(), expected, atol=1e-5, rtol=1e-5)


def test_the_operator_carries_tokens_in_rows():
    field, size = moving_field(), Size(8, 12)
    features = torch.randn(1, 6, *size, generator=torch.Generator().manual_seed(1))
    operator = WarpOperator(field)
    tokens = operator.carry_tokens(features.flatten(2).transpose(1, 2), size)
    torch.testing.assert_close(tokens.transpose(2, 3).reshape(1, 3, 6, 8, 12), operator(features))


def test_each_sample_of_a_batch_warps_its_own_reference():
    operator = WarpOperator(moving_field())
    features = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(operator(features), torch.cat([operator(features[:1]), operator(features[1:])]))


def test_the_operator_computes_a_resolution_once(monkeypatch):
    operator, features = WarpOperator(moving_field()), torch.ones(1, 3, 8, 12)
    first = operator(features)
    monkeypatch.setattr(MotionField, "resized", lambda *_: pytest.fail("the splat was computed again"))
    torch.testing.assert_close(operator(features), first)


@pytest.mark.parametrize("device", DEVICES)
def test_the_operator_is_linear_and_differentiable(device):
    operator = WarpOperator(moving_field(height=4, width=5))
    features = torch.randn(1, 2, 4, 5, dtype=torch.float64, device=device, requires_grad=True)
    assert torch.autograd.gradcheck(operator, features)
    torch.testing.assert_close(operator(3 * features), 3 * operator(features))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_operator_keeps_half_precision(dtype):
    operator, features = WarpOperator(moving_field()), torch.randn(1, 3, 8, 12)
    half = operator(features.to(dtype))
    assert half.dtype == dtype
    torch.testing.assert_close(half, operator(features.to(dtype).float()).to(dtype))


def test_the_operator_says_what_it_cannot_carry():
    with pytest.raises(MotionError, match="a later frame"):
        WarpOperator(MotionField.still(Size(4, 4), frames=1))
    with pytest.raises(ShapeError, match=r"\[B, 12, C\]; got \[1, 11, 3\]"):
        WarpOperator(moving_field()).carry_tokens(torch.ones(1, 11, 3), Size(3, 4))
    with pytest.raises(ShapeError, match=r"\[B, C, h, w\]"):
        WarpOperator(moving_field())(torch.ones(3, 4, 5))


def test_the_operator_made_in_inference_mode_serves_a_gradient_later():
    with torch.inference_mode():
        operator = WarpOperator(moving_field(height=4, width=5))
        operator(torch.ones(1, 2, 4, 5))
    features = torch.ones(1, 2, 4, 5, requires_grad=True)
    operator(features).sum().backward()
    assert features.grad.abs().sum() > 0


def test_each_precision_gets_its_own_matrix():
    operator, features = WarpOperator(moving_field()), torch.randn(1, 3, 16, 24, dtype=torch.float64)
    operator(features.float())
    expected, _ = forward_warp(features.expand(3, -1, -1, -1), moving_field().displacement[1:].double())
    torch.testing.assert_close(operator(features)[0], expected, atol=1e-12, rtol=1e-12)


def test_the_guards_differ_where_next_to_nothing_arrives():
    features, importance = torch.ones(1, 1, 1, 1), torch.full((1, 1, 1, 1), 1e-8)
    still = torch.zeros(1, 2, 1, 1)
    for guard, value in (("add", 1 / 11), ("clip", 0.1), ("replace", 1.0)):
        warped, _ = forward_warp(features, still, "linear", importance, guard)
        assert warped.item() == pytest.approx(value, rel=1e-3)


def test_a_large_importance_of_one_sample_leaves_the_other_alone():
    features, displacement, importance = scene(dtype=torch.float32)
    importance[0] += 500
    both, _ = forward_warp(features, displacement, "softmax", importance)
    alone, _ = forward_warp(features[1:], displacement[1:], "softmax", importance[1:])
    torch.testing.assert_close(both[1:], alone)


def test_the_ridge_of_a_roof_is_no_slope():
    roof = torch.tensor([0.0, 1.0, 0.0]).expand(1, 2, 1, 3)[0]
    assert surface_slope(roof)[0, 0, 0, 1] == 0
    ramp = torch.tensor([0.0, 1.0, 2.0]).expand(1, 2, 1, 3)[0]
    assert surface_slope(ramp)[0, 0, 0].tolist() == [1, 1, 1]
