import numpy as np
import pytest

from rar_gluon.data.sequence import Sequence
from rar_gluon.evaluation.otb.attributes import box_attributes


class Still:
    """Grey frames of 100x80."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __iter__(self):
        return (np.full((80, 100, 3), 9, np.uint8) for _ in range(self.count))


STILL = (30.0, 30, 20, 20)  # 400 pixels: not below the limit


@pytest.mark.parametrize(
    "changed, expected",
    [
        (STILL, ()),
        ((30, 30, 40, 20), ()),  # twice the area: still within [1/2, 2]
        ((30, 30, 41, 20), ("SV",)),
        ((30, 30, 19, 20), ("LR",)),
        ((30, 30, 9, 20), ("SV", "LR")),
        ((50, 30, 20, 20), ()),  # moved by 20 pixels
        ((51, 30, 20, 20), ("FM",)),
        ((81, 30, 20, 20), ("FM", "OV")),  # a column beyond the right border
        ((np.nan,) * 4, ("OV",)),
        ((0, 0, 0, 0), ("OV",)),  # no truth either
    ],
)
def test_attributes_are_those_of_the_boxes(changed, expected):
    boxes = np.array([STILL, changed, STILL if changed[0] == changed[0] and changed[0] < 50 else changed])
    assert box_attributes(Sequence("a", Still(3), boxes)) == expected


def test_coordinates_that_begin_at_one_are_minded():
    boxes = np.array([(81.0, 30, 20, 20)] * 2)  # columns 81-100 of 1-100
    assert box_attributes(Sequence("a", Still(2), boxes, origin=1)) == ()
    assert box_attributes(Sequence("a", Still(2), boxes)) == ("OV",)


@pytest.mark.parametrize("absent", [np.nan, 0.0])
def test_a_sequence_without_truth_has_none(absent):
    assert box_attributes(Sequence("a", Still(2), np.full((2, 4), absent))) == ()
