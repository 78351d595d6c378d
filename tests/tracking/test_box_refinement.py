import numpy as np
import pytest

from rar_gluon.tracking.box_refinement import BoxRefinement, box_window, change_of, changed

from mxnet import nd  # isort: skip  (after rar_gluon, which sets its threads)

FIRST = (10.0, 20.0, 40.0, 10.0)


def test_nothing_is_said_of_a_box_that_is_right():
    window = box_window(FIRST, FIRST)
    assert window == pytest.approx((30, 25, 80, 20))
    assert change_of(FIRST, window) == pytest.approx(np.zeros(2))
    assert changed(FIRST, window, np.zeros(2), 1.0) == pytest.approx(FIRST)


def test_a_window_has_the_first_aspect_and_holds_a_thin_target():
    """20 x 5 pixels are 10 x 10 of a target that was as tall as wide; one of 10 x 90 is all in its window."""
    assert box_window((40, 40, 20, 5), (0, 0, 7, 7)) == pytest.approx((50, 42.5, 20, 20))
    assert box_window((0, 0, 10, 90), (0, 0, 10, 90)) == pytest.approx((5, 45, 20, 180))


def test_a_change_is_of_both_sides():
    """A window for 20 x 20 pixels about (50, 50); the target is 40 x 20 about (60, 45)."""
    window = box_window((40, 40, 20, 20), (0, 0, 7, 7))
    change = change_of((40, 35, 40, 20), window)
    assert change == pytest.approx([np.log(2), 0])
    assert changed((40, 40, 20, 20), window, change, 1.0) == pytest.approx((30, 40, 40, 20))


@pytest.mark.parametrize("seed", range(4))
def test_a_change_leads_to_its_sides(seed):
    """Whatever aspect the box has come to, it is judged by its size and the first one's aspect."""
    first, believed, box = np.random.default_rng(seed).uniform(1, 50, (3, 4))
    window = box_window(believed, first)
    assert window.width / window.height == pytest.approx(first[2] / first[3])
    assert window.width * window.height == pytest.approx(4 * believed[2] * believed[3])
    x, y, w, h = changed(believed, window, change_of(box, window), 1.0)
    assert (w, h) == pytest.approx(box[2:])
    assert (x + w / 2, y + h / 2) == pytest.approx(believed[:2] + believed[2:] / 2)


def test_sides_go_a_part_of_the_way():
    window = box_window((0, 0, 10, 40), FIRST)
    change = change_of((0, 0, 40, 10), window)
    assert changed((0, 0, 10, 40), window, change, 0.0) == pytest.approx((0, 0, 10, 40))
    assert changed((0, 0, 10, 40), window, change, 0.5) == pytest.approx((-5, 10, 20, 20))  # by their logarithms


def test_what_the_first_frame_says_of_itself_is_taken_off():
    """A head that says what the volume's mean is, and a network that sees a frame's grey values."""
    said = []

    class Head:
        def __call__(self, volume):
            said.append(volume)
            return nd.array([[0.3, -0.1]]) if len(said) == 1 else nd.array([[0.5, -0.1]])

    def represent(frame, window, state):
        states.append(state)
        return nd.array(np.random.default_rng(int(frame)).normal(size=(1, 4, 5, 5))), "after the first"

    states = []
    refinement = BoxRefinement(Head(), represent)
    refinement.start(1, FIRST)
    box = refinement.refined(2, (30.0, 30.0, 20.0, 20.0), 1.0)
    assert states == [None, "after the first", "after the first"]
    assert said[0].asnumpy()[0, 12] == pytest.approx(np.ones((5, 5)), abs=1e-5)  # the first frame with itself
    width, height = 20 * 2 * np.exp(0.2), 20 / 2  # the first one's aspect is 4
    assert box == pytest.approx((40 - width / 2, 40 - height / 2, width, height), rel=1e-5)
