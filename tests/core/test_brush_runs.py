import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from motion_core.brush_runs import LONGEST, brush_from_runs, runs_from_brush
from motion_core.errors import MotionError


def test_runs_are_counted_along_the_rows_and_go_on_in_the_next():
    brush = brush_from_runs({"size": [4, 2], "runs": [[1, 2], [3, 3]]})
    assert brush.tolist() == [[0, 1, 1, 1], [1, 1, 0, 0]]


def test_nothing_painted_has_no_runs():
    assert runs_from_brush(torch.zeros(2, 3)) == {"size": [3, 2], "runs": []}
    assert not brush_from_runs({"size": [3, 2], "runs": []}).any()


def test_all_painted_is_one_run():
    assert runs_from_brush(torch.ones(2, 3)) == {"size": [3, 2], "runs": [[0, 6]]}


def test_half_paint_counts():
    assert runs_from_brush(torch.tensor([[0.49, 0.5, 1.0]])) == {"size": [3, 1], "runs": [[1, 2]]}


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**31))
def test_a_brush_comes_back_as_it_went(width, height, seed):
    brush = torch.randint(0, 2, (height, width), generator=torch.Generator().manual_seed(seed)).float()
    assert brush_from_runs(runs_from_brush(brush)).equal(brush)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "A brush is"),
        ([], "A brush is"),
        ({"size": [4, 2]}, "A brush is"),
        ({"size": [4], "runs": []}, r"two whole numbers, \[W, H\]"),
        ({"size": [4.0, 2], "runs": []}, "two whole numbers"),
        ({"size": [True, 2], "runs": []}, "two whole numbers"),
        ({"size": [0, 2], "runs": []}, "this one says 0×2"),
        ({"size": [LONGEST + 1, 2], "runs": []}, "this one says 513×2"),
        ({"size": [4, 2], "runs": {}}, "are a list"),
        ({"size": [4, 2], "runs": [[0, 1], [2]]}, "Run 2 of the brush should be two whole numbers"),
        ({"size": [4, 2], "runs": [["0", 1]]}, "two whole numbers"),
        ({"size": [4, 2], "runs": [[-1, 1]]}, r"\[-1, 1\]; runs rise"),
        ({"size": [4, 2], "runs": [[0, 0]]}, "runs rise"),
        ({"size": [4, 2], "runs": [[2, 3], [4, 1]]}, "do not overlap"),
        ({"size": [4, 2], "runs": [[7, 2]]}, "within the 8 pixels of 4×2"),
        ({"size": [4, 2], "runs": [[0, 10**30]]}, "within the 8 pixels"),
    ],
)
def test_what_is_no_brush_is_refused_in_a_sentence(value, told):
    with pytest.raises(MotionError, match=told):
        brush_from_runs(value)


@pytest.mark.parametrize(
    ("brush", "told"), [(torch.zeros(1, 2, 2), r"is \[H, W\]; got"), (torch.zeros(2, LONGEST + 1), "Resize it")]
)
def test_what_cannot_be_kept_is_refused(brush, told):
    with pytest.raises(MotionError, match=told):
        runs_from_brush(brush)
