import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from motion_core.brush import Brush
from motion_core.errors import MotionError
from motion_core.types import Size

BRUSHES = json.loads((Path(__file__).parents[1] / "fixtures" / "brushes.json").read_text("utf-8"))["brushes"]


def painted(*rows, softness=0.0):
    letters = torch.tensor([[".MS".index(letter) for letter in row] for row in rows])
    return Brush(letters == 1, letters == 2, softness)


def rows(brush):
    values = (brush.move + 2 * brush.still).tolist()
    return ["".join(".MS"[value] for value in row) for row in values]


@pytest.mark.parametrize("case", BRUSHES, ids=lambda case: case["name"])
def test_a_brush_is_read_kept_and_lets_move_as_in_the_browser(case):
    brush = Brush.from_json(case["brush"])
    assert rows(brush) == case["paint"]
    assert brush.to_json() == case["brush"]
    away = (brush.region(brush.size) - torch.tensor(case["region"])).abs().max()
    assert away < (0.005 if brush.softness else 1e-9)


def test_run_lengths_go_on_in_the_next_row():
    assert rows(Brush.from_json({"size": [4, 2], "move": [1, 5], "still": [6, 1]})) == [".MMM", "MMS."]
    assert painted(".MMM", "MMS.").to_json() == {"size": [4, 2], "move": [1, 5], "still": [6, 1]}


def test_nothing_painted_lets_everything_move():
    brush = Brush.from_json({"size": [3, 2], "move": []})
    assert brush.region(Size(4, 6)).all()
    assert brush.to_json() == {"size": [3, 2], "move": []}


def test_all_painted_is_one_run():
    assert painted("MMM", "MMM").to_json() == {"size": [3, 2], "move": [0, 6]}


def test_what_holds_still_alone_lets_everything_else_move():
    assert painted("SS..").region(Size(2, 4)).tolist() == [[0, 0, 1, 1]] * 2


def test_what_holds_still_everywhere_lets_nothing_move():
    assert not painted("SS", "SS").region(Size(5, 7)).any()
    assert not painted("SS", "SS", softness=0.1).region(Size(5, 7)).any()


def test_a_brush_keeps_its_place_on_a_picture_of_any_size():
    region = painted("MM..", "MM..").region(Size(20, 80))
    assert region[:, :40].all()
    assert not region[:, 40:].any()


def test_softness_is_of_the_pictures_longer_side():
    brush = painted("MM..", "MM..", softness=0.05)
    for size, sigma in ((Size(50, 100), 5), (Size(200, 100), 10)):
        row = brush.region(size)[7]
        steps = row[:-1] - row[1:]  # of an edge a Gaussian
        middles = torch.arange(1.0, 100.0)
        assert steps.sum() == pytest.approx(1, abs=1e-3)
        assert (steps * middles).sum() == pytest.approx(50, abs=0.01)
        assert (steps * (middles - 50) ** 2).sum().sqrt() == pytest.approx(sigma, rel=0.01)


def test_a_soft_region_stays_within_0_and_1_and_keeps_what_it_holds():
    region = painted("M.....", "......", "....MM", softness=0.03).region(Size(33, 61))
    hard = painted("M.....", "......", "....MM").region(Size(33, 61))
    assert region.min() >= 0
    assert region.max() <= 1
    assert region.dtype == torch.float32
    assert region.sum() == pytest.approx(hard.sum().item(), rel=1e-4), "nothing is lost over the edges"


sides = st.integers(1, 9)


@given(sides, sides, st.integers(0, 2**31), st.floats(0, Brush.SOFTEST))
def test_a_brush_comes_back_as_it_went(width, height, seed, softness):
    paint = torch.randint(0, 3, (height, width), generator=torch.Generator().manual_seed(seed))
    brush = Brush(paint == 1, paint == 2, softness)
    back = Brush.from_json(json.loads(json.dumps(brush.to_json())))
    assert (back.move.equal(brush.move), back.still.equal(brush.still), back.softness) == (True, True, softness)


@given(sides, sides, st.integers(0, 2**31), st.floats(0, Brush.SOFTEST), st.integers(1, 40), st.integers(1, 40))
def test_a_region_is_finite_and_within_0_and_1_on_every_picture(width, height, seed, softness, wide, high):
    paint = torch.randint(0, 3, (height, width), generator=torch.Generator().manual_seed(seed))
    region = Brush(paint == 1, paint == 2, softness).region(Size(high, wide))
    assert region.shape == (high, wide)
    assert region.min() >= 0
    assert region.max() <= 1


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 20) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
whole = st.lists(st.integers(-1, 12), max_size=7)


@given(
    junk
    | st.fixed_dictionaries(
        {"size": st.lists(st.integers(0, 5), min_size=2, max_size=2) | junk},
        optional={"move": whole | junk, "still": whole | junk, "softness": junk},
    )
)
def test_whatever_it_is_it_is_a_brush_or_refused_in_a_sentence(value):
    try:
        brush = Brush.from_json(value)
    except MotionError as error:
        told = str(error)
    else:
        told = "A brush."
        assert Brush.from_json(brush.to_json()).to_json() == brush.to_json()
    assert told[0].isupper()
    assert told.endswith(".")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "A brush is"),
        ([], "A brush is"),
        ({"size": [4, 2]}, "A brush is"),
        ({"size": [4, 2], "runs": [[0, 1]]}, "A brush is"),
        ({"size": [4], "move": []}, r"two whole numbers, \[W, H\]"),
        ({"size": [4.0, 2], "move": []}, "two whole numbers"),
        ({"size": [True, 2], "move": []}, "two whole numbers"),
        ({"size": [0, 2], "move": []}, "this one says 0×2"),
        ({"size": [Brush.LONGEST + 1, 2], "still": []}, "this one says 513×2"),
        ({"size": [4, 2], "move": {}}, "“move” of a brush is a list"),
        ({"size": [4, 2], "still": [0, 1, 2]}, "“still” of a brush is a list"),
        ({"size": [4, 2], "move": [True, 1]}, "list of whole numbers"),
        ({"size": [4, 2], "move": ["0", 1]}, "list of whole numbers"),
        ({"size": [4, 2], "move": [-1, 1]}, "Number 1 of the brush's “move” is -1"),
        ({"size": [4, 2], "move": [0, 0]}, "Number 2 of the brush's “move” is 0"),
        ({"size": [4, 2], "move": [0, 2, 0, 1]}, "Number 3 of the brush's “move” is 0"),
        ({"size": [4, 2], "move": [7, 2]}, "within the 8 pixels of 4×2"),
        ({"size": [4, 2], "move": [0, 10**30]}, "within the 8 pixels"),
        ({"size": [4, 2], "move": [0, 2], "still": [1, 1]}, "may move and hold still at once"),
        ({"size": [4, 2], "move": [], "softness": -0.1}, "softness of a brush is a number"),
        ({"size": [4, 2], "move": [], "softness": 0.3}, "softness of a brush is a number"),
        ({"size": [4, 2], "move": [], "softness": "0.1"}, "softness of a brush is a number"),
        ({"size": [4, 2], "move": [], "softness": True}, "softness of a brush is a number"),
        ({"size": [4, 2], "move": [], "softness": float("nan")}, "softness of a brush is a number"),
    ],
)
def test_what_is_no_brush_is_refused_in_a_sentence(value, told):
    with pytest.raises(MotionError, match=told):
        Brush.from_json(value)


NOTHING = torch.zeros(2, 3, dtype=torch.bool)


@pytest.mark.parametrize(
    ("move", "still", "softness", "told"),
    [
        (NOTHING[None], NOTHING[None], 0.0, r"two masks \[H, W\] of one size"),
        (NOTHING, NOTHING.T, 0.0, "of one size"),
        (NOTHING.float(), NOTHING, 0.0, "with True; got torch.float32"),
        (NOTHING.new_zeros(2, 513), NOTHING.new_zeros(2, 513), 0.0, "Resize it"),
        (~NOTHING, ~NOTHING, 0.0, "at once"),
        (NOTHING, NOTHING, 0.5, "softness of a brush is 0"),
    ],
)
def test_what_is_no_brush_cannot_be_made(move, still, softness, told):
    with pytest.raises(MotionError, match=told):
        Brush(move, still, softness)
