import math

import numpy as np
import pytest

from rar_gluon.report.overlay import GREY, YELLOW, draw_box, overlay, response_picture


def test_a_box_is_drawn_where_it_is():
    frame = np.zeros((60, 80, 3), np.uint8)
    draw_box(frame, (20, 10, 30, 25), thickness=1)
    rows, columns = np.nonzero(frame.any(axis=2))
    edges = (columns.min(), rows.min(), columns.max(), rows.max())
    assert edges == pytest.approx((20, 10, 50, 35), abs=1)  # the line is smoothed
    assert not frame[15:30, 25:45].any()


@pytest.mark.parametrize("box", [(math.nan,) * 4, (1, 2, math.nan, 4)])
def test_a_box_with_nan_is_not_drawn(box):
    assert not draw_box(np.zeros((60, 80, 3), np.uint8), box).any()


@pytest.mark.parametrize(
    "box, seen",
    [
        *(((70, 50, 30, 30), True), ((0, 0, 0.2, 0.2), True)),
        *(((-50, -40, 500, 400), False), ((-1e5, -1e5, 2e5, 2e5), False)),  # about the frame
        *(((1e12, 0, 5, 5), False), ((-1e30, 1e30, 1e31, 1.0), False), ((1e308, 1e308, 1e308, 1e308), False)),
    ],
)
def test_of_a_box_beyond_the_frame_the_part_on_it_is_drawn(box, seen):
    assert draw_box(np.zeros((60, 80, 3), np.uint8), box).any() == seen


def test_the_middle_of_a_response_picture_is_no_displacement():
    response = np.zeros((15, 15))
    response[0, 0] = 1
    heat = response_picture(response, 60).astype(int)
    red = heat[..., 2] - heat[..., 0]
    row, column = np.unravel_index(red.argmax(), red.shape)
    assert heat.shape == (60, 60, 3) and abs(row - 30) <= 2 and abs(column - 30) <= 2
    response_picture(np.zeros((7, 7)), 20)  # flat: no division by zero
    response_picture(np.full((7, 7), -1.0), 20)


@pytest.mark.parametrize(
    "size, expected", [((100, 150), (400, 600)), ((360, 480), (360, 480)), ((500, 400), (500, 400))]
)
def test_an_overlay_is_large_enough_and_leaves_the_frame_alone(size, expected):
    frame = np.full((*size, 3), 100, np.uint8)
    picture = overlay(frame, (10, 10, 20, 20), 0.5, np.eye(15))
    assert picture.shape == (*expected, 3) and (frame == 100).all() and (picture != 100).any()
    assert overlay(frame, (math.nan,) * 4).shape == picture.shape


@pytest.mark.parametrize("size", [(400, 90), (90, 400), (1, 1), (3, 2000), (2000, 3), (64, 8192), (16, 16)])
def test_an_overlay_of_any_frame(size):
    picture = overlay(np.full((*size, 3), 100, np.uint8), (0, 0, 5, 5), 0.5, np.eye(15))
    assert picture.shape[1] <= max(1920, size[1]) and picture.shape[1] * size[0] == picture.shape[0] * size[1]


def test_a_lost_target_has_another_box_and_a_word():
    frame = np.full((400, 400, 3), 100, np.uint8)
    seen, lost = (overlay(frame, (200, 200, 50, 50), 0.1, None, 0.5, is_lost) for is_lost in (False, True))
    assert tuple(seen[200, 225]) == YELLOW and tuple(lost[200, 225]) == GREY
    assert (seen[:40] != lost[:40]).any()
