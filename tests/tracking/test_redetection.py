import functools

import numpy as np
import pytest

from rar_gluon.filter.layer import OnlineFilter, template_label
from rar_gluon.geometry import Window
from rar_gluon.tracking.redetection import LOOKS, Redetection, beside
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


@pytest.mark.parametrize("dx, dy", [(-52, 40), (48, 44), (140, 10)])
def test_a_target_that_has_left_its_window_is_located_beside_it(shipped, texture, dx, dy):
    """It jumped by more than its size, to where the window's edge is, or by one and a half windows."""
    scene, box, moved = scene_with_its_target_moved(texture, dx, dy)
    errors = []
    for redetection in (None, functools.partial(Redetection, 0.3, 0.3)):
        tracking = Tracker(*shipped, redetection=redetection)
        tracking.init(scene, box)
        tracking.update(scene)  # what its score usually is
        for _ in range(6):
            last = tracking.update(moved)
        errors.append(np.hypot(last[0] - box[0] - dx, last[1] - box[1] - dy))
    assert errors[1] < 4 < errors[0]


def test_while_a_target_is_lost_nothing_is_learned_and_its_size_stays(shipped, texture):
    scene, box, _ = scene_with_its_target_moved(texture, 0, 0)
    filter_ = Counted(shipped[0].filter, template_label(shipped[0].filter, 2.0, 128, 15, 15))
    tracking = Tracker(*shipped, filter=filter_, redetection=functools.partial(Redetection, 0.6))
    tracking.init(scene, box)
    sizes, known = [tracking.update(scene)[2:]], tracking.score
    assert filter_.learned == 2
    for number in range(12):
        sizes.append(tracking.update(texture(260, 340, seed=20 + number, grain=12))[2:])
        assert tracking.score < 0.6 * known
    assert np.ptp(sizes, axis=0) == pytest.approx((0, 0), abs=1e-9)
    assert filter_.learned == 2


def test_without_it_the_tracker_is_the_papers(shipped, make_clip):
    """A target that stays in sight: the same boxes, bit for bit."""
    truth = [(30 + 2 * step, 40, 36, 30) for step in range(6)]
    frames = make_clip(truth, seed=1)
    plain, ours = (
        [box for _, box in Tracker(*shipped, redetection=r).track(frames, truth[0])] for r in (None, Redetection)
    )
    assert plain == ours


def answer(part, mean=1.0):
    return np.full((15, 15), part * mean)


def test_a_lost_target_needs_the_higher_score_to_be_seen_again():
    """Between the two parts of the mean one that is seen stays seen, and one that is lost stays lost."""
    redetection = Redetection(lost_below=0.4, seen_above=0.7)
    for part, lost in ((1, False), (0.5, False), (0.2, True), (0.5, True), (1, False), (0.5, False)):
        redetection.search(answer(part), BASE, BASE, FRAME, lambda windows: np.zeros((len(windows), 15, 15)))
        assert redetection.lost == lost


def test_windows_are_searched_in_turn():
    asked = []

    def look(windows):
        asked.extend(windows)
        return np.zeros((len(windows), 15, 15))

    redetection, windows = Redetection(), beside(BASE, FRAME)
    redetection.search(answer(1), BASE, BASE, FRAME, look)
    for _ in range(3):
        response, window = redetection.search(answer(0.1), BASE._replace(width=95), BASE, FRAME, look)
        assert window == BASE and response.max() == pytest.approx(0.1)
    assert asked == windows[: 3 * LOOKS] and windows[0] != BASE


def test_what_is_seen_beside_is_taken():
    def look(windows):
        responses = np.zeros((len(windows), 15, 15))
        responses[2, 3, 4] = 0.9
        return responses

    redetection = Redetection()
    redetection.search(answer(1), BASE, BASE, FRAME, look)
    response, window = redetection.search(answer(0.1), BASE, BASE, FRAME, look)
    assert response.max() == 0.9 and window == beside(BASE, FRAME)[2] and not redetection.lost


def test_windows_beside_are_on_the_frame_nearest_first():
    windows = beside(BASE, FRAME)
    distances = [np.hypot((w.cx - BASE.cx) / BASE.width, (w.cy - BASE.cy) / BASE.height) for w in windows]
    assert distances == sorted(distances) and BASE not in windows
    assert all(0 <= w.cx <= 340 and 0 <= w.cy <= 260 and w[2:] == BASE[2:] for w in windows)
