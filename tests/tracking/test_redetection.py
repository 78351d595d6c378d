import numpy as np
import pytest

from rar_gluon.config import from_dict
from rar_gluon.filter.layer import OnlineFilter, template_label
from rar_gluon.geometry import Window, shifted
from rar_gluon.tracking.redetection import (
    BESIDE_ABOVE,
    LOOKS,
    LOST_BELOW,
    PATIENCE,
    REACH,
    SEEN_ABOVE,
    Redetection,
    beside,
)
from rar_gluon.tracking.tracker import Tracker

FRAME = (260, 340, 3)
BASE = Window(155, 123, 90, 84)


def scene_with_its_target_moved(texture, dx, dy, size=(260, 340), seed=7):
    """A frame with a target, its box, and the target `dx`, `dy` away on another background."""
    box, scene = (140, 110, 30, 26), texture(*size, seed=2, grain=12)
    moved = texture(*size, seed=seed, grain=12)
    x, y, w, h = 120, 90, 70, 66
    moved[y + dy : y + dy + h, x + dx : x + dx + w] = scene[y : y + h, x : x + w]
    return scene, box, moved


class Counted(OnlineFilter):
    """The filter of Eq. 10, and how often it has learned."""

    learned = 0

    def learn(self, z0, zi, rate):
        self.learned += 1
        super().learn(z0, zi, rate)


def tracker(shipped, is_given, **other):
    """A tracker of the shipped network, and one that looks for its target."""
    config = from_dict({"tracking": {"redetection": is_given}}, "the test", shipped[0])
    return Tracker(config, *shipped[1:], **other)


@pytest.mark.parametrize("dx, dy", [(-52, 40), (48, 44), (95, 10)])
def test_a_target_that_has_left_its_window_is_located_beside_it(shipped, texture, dx, dy):
    """It jumped by more than its size, to where the window's edge is, or by more than a window."""
    scene, box, moved = scene_with_its_target_moved(texture, dx, dy)
    errors = []
    for is_given in (False, True):
        tracking = tracker(shipped, is_given)
        tracking.init(scene, box)
        tracking.update(scene)  # what its score usually is
        for _ in range(3 * PATIENCE):
            last = tracking.update(moved)
        errors.append(np.hypot(last[0] - box[0] - dx, last[1] - box[1] - dy))
    assert errors[1] < 4 < errors[0]


def test_a_hidden_target_is_awaited_where_it_was(shipped, texture):
    """Twelve frames without it: the box stays, nothing is learned; then it is back a few pixels away."""
    scene, box, moved = scene_with_its_target_moved(texture, 6, -4)
    filter_ = Counted(shipped[0].filter, template_label(shipped[0].filter, 2.0, 128, 15, 15))
    tracking = tracker(shipped, True, filter=filter_)
    tracking.init(scene, box)
    before, usual = tracking.update(scene), tracking.score
    assert filter_.learned == 2 and not tracking.lost
    for number in range(12):
        assert tracking.update(texture(260, 340, seed=20 + number, grain=12)) == before
        assert tracking.lost and tracking.score < LOST_BELOW * usual
    assert filter_.learned == 2
    last = tracking.update(moved)
    assert last[:2] == pytest.approx((box[0] + 6, box[1] - 4), abs=3)
    assert filter_.learned == 3 and not tracking.lost


def test_a_black_frame_shows_no_target(shipped, texture):
    scene, box = texture(260, 340, seed=2, grain=12), (140, 110, 30, 26)
    tracking = tracker(shipped, True)
    tracking.init(scene, box)
    before = tracking.update(scene)
    assert tracking.update(np.zeros_like(scene)) == before
    assert tracking.lost and tracking.score == 0
    assert tracking.update(scene) == pytest.approx(before, abs=1) and not tracking.lost


def test_a_target_that_has_left_a_window_of_one_colour_is_located(shipped, texture):
    """It jumps on a grey background, which leaves nothing in its search window."""
    target, frames = texture(36, 36, seed=2, grain=6), []
    for x in (60, 60, 150):
        frames.append(np.full((120, 260, 3), 128, np.uint8))
        frames[-1][40:76, x : x + 36] = target
    tracking = tracker(shipped, True)
    tracking.init(frames[0], (60, 40, 36, 36))
    tracking.update(frames[1])
    assert tracking.update(frames[2])[0] == pytest.approx(60, abs=1) and tracking.score == 0
    for _ in range(3 * PATIENCE):
        last = tracking.update(frames[2])
    assert last[0] == pytest.approx(150, abs=4) and not tracking.lost


def test_without_it_the_tracker_is_the_papers(shipped, make_clip):
    """A target that stays in sight: the same boxes, bit for bit."""
    truth = [(30 + 2 * step, 40, 36, 30) for step in range(6)]
    frames = make_clip(truth, seed=1)
    plain, ours = ([box for _, box in tracker(shipped, g).track(frames, truth[0])] for g in (False, True))
    assert plain == ours


def answer(part, at=(0, 0)):
    """A response with its maximum in a cell."""
    response = np.zeros((15, 15))
    response[at] = part
    return response


def searching():
    """A search whose usual score is 1."""
    redetection = Redetection(8, 127)
    assert redetection.search(answer(1), BASE, BASE, FRAME, nothing) == (pytest.approx(answer(1)), BASE)
    return redetection


def nothing(windows):
    return np.zeros((len(windows), 15, 15))


def test_a_lost_target_needs_the_higher_score_to_be_seen_again():
    """Between the two parts of the usual score one that is seen stays seen, and one that is lost stays lost."""
    redetection, between = searching(), (LOST_BELOW + SEEN_ABOVE) / 2
    for part, lost in ((between, False), (0.2, True), (between, True), (1, False), (between, False)):
        redetection.search(answer(part), BASE, BASE, FRAME, nothing)
        assert redetection.lost == lost


def test_a_low_score_at_the_windows_edge_is_measured_again_about_the_peak():
    """There the Hann window damps the response."""
    asked = []

    def look(windows):
        asked.extend(windows)
        return answer(0.9)[None]

    redetection = searching()
    response, window = redetection.search(answer(0.1, at=(5, -5)), BASE, BASE, FRAME, look)
    assert not redetection.lost and window == BASE and response.max() == 0.1
    cell = 8 * BASE.width / 127, 8 * BASE.height / 127
    assert asked == [pytest.approx(shifted(BASE, -5 * cell[0], 5 * cell[1]))]


def test_windows_are_searched_in_turn_and_ever_farther():
    asked = []

    def look(windows):
        asked.append(windows)
        return nothing(windows)

    redetection = searching()
    for _ in range(3 * PATIENCE):
        response, window = redetection.search(answer(0.1), BASE._replace(width=95), BASE, FRAME, look)
        assert redetection.lost and response.max() == 0.1
    assert all(len(windows) == 1 for windows in asked[:PATIENCE])  # about the peak, and nowhere else
    searched = asked[PATIENCE + 1 :: 3]  # of a frame: about the peak, windows beside, about the best peak of these
    assert searched[:PATIENCE] == [beside(BASE, FRAME, 1)] * PATIENCE
    assert {w for windows in searched[PATIENCE:] for w in windows} == set(beside(BASE, FRAME, 2))
    assert all(len(windows) <= LOOKS for windows in asked)


def test_near_a_corner_all_windows_are_searched_in_each_frame():
    """They are fewer than a frame has looks for."""
    asked = []

    def look(windows):
        asked.append(windows)
        return nothing(windows)

    corner, redetection = BASE._replace(cx=20, cy=20), searching()
    for _ in range(2 * PATIENCE):
        redetection.search(answer(0.1), corner, corner, FRAME, look)
    within = beside(corner, FRAME, 1)
    searched = asked[PATIENCE + 1 :: 3][:PATIENCE]
    assert len(within) == 3 and all(sorted(windows) == sorted(within) for windows in searched)


def test_a_score_of_nothing_is_not_the_usual_one():
    """From the first frame on the window is of one colour, until the target is there."""
    redetection = Redetection(8, 127)
    for _ in range(2 * PATIENCE):
        redetection.search(answer(0), BASE, BASE, FRAME, nothing)
        assert redetection.lost
    redetection.search(answer(0.4), BASE, BASE, FRAME, nothing)
    assert not redetection.lost


def test_what_is_seen_beside_is_taken():
    """Only for a higher score than where the target was."""

    def look(windows):
        return np.array([answer(part) for part in ([0, 0, high] + 5 * [0])[: len(windows)]])

    for high in (0.9, 0.5):
        redetection = searching()
        for _ in range(PATIENCE):  # at first only where the target was
            redetection.search(answer(0.1), BASE, BASE, FRAME, nothing)
        response, window = redetection.search(answer(0.1), BASE, BASE, FRAME, look)
        assert redetection.lost == (high < BESIDE_ABOVE)
        assert (response.max(), window) == ((0.1, BASE) if redetection.lost else (high, beside(BASE, FRAME, 1)[2]))


def test_what_lies_at_the_edge_of_a_window_beside_is_measured_again():
    """There the Hann window damps a target in full sight to less than is needed."""

    def look(windows):
        if windows == [BASE]:
            return nothing(windows)
        return np.array([answer(0.9 if len(windows) == 1 else 0.5)] * len(windows))

    redetection = searching()
    for _ in range(PATIENCE):
        redetection.search(answer(0.1), BASE, BASE, FRAME, nothing)
    assert SEEN_ABOVE < 0.5 < BESIDE_ABOVE
    redetection.search(answer(0.1), BASE, BASE, FRAME, look)
    assert not redetection.lost


def test_windows_beside_are_on_the_frame_nearest_first():
    windows = beside(BASE, FRAME, REACH)
    distances = [np.hypot((w.cx - BASE.cx) / BASE.width, (w.cy - BASE.cy) / BASE.height) for w in windows]
    assert distances == sorted(distances) and BASE not in windows
    assert all(0 <= w.cx <= 340 and 0 <= w.cy <= 260 and w[2:] == BASE[2:] for w in windows)
