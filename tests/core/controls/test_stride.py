import math

import pytest

from motion_core.controls.stride import frame_strides
from motion_core.errors import MotionError


def test_the_published_strides_are_8_16_to_120():
    assert frame_strides(16).tolist() == list(range(8, 121, 8))


def test_a_stride_may_be_fractional():
    assert frame_strides(4, stride=0.5).tolist() == [0.5, 1.0, 1.5]


@pytest.mark.parametrize("stride", [0, -8, math.nan, math.inf])
def test_a_stride_that_does_not_advance_is_refused(stride):
    with pytest.raises(MotionError, match="finite number above 0"):
        frame_strides(16, stride=stride)


def test_the_reference_alone_has_no_strides():
    with pytest.raises(MotionError, match="at least one later frame; got 1"):
        frame_strides(1)
