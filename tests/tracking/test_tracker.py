import copy

import cv2
import numpy as np
import pytest

from rar_gluon import geometry
from rar_gluon.common import InputError
from rar_gluon.config import from_dict, to_dict
from rar_gluon.filter.layer import OnlineFilter, template_label
from rar_gluon.geometry import check_box
from rar_gluon.net.rar import build
from rar_gluon.net.weights import CONFIDENCE, parameters, save_arrays
from rar_gluon.tracking.confidence import confidence
from rar_gluon.tracking.tracker import Tracker

from mxnet import autograd, nd  # isort: skip  (after rar_gluon, which sets its threads)

START = (50.0, 40.0, 36.0, 30.0)


def overlaps(boxes, truth):
    """Intersection over union of rows of boxes."""
    a, b = np.array(boxes, float), np.array(truth, float)
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    return common / (np.prod(a[:, 2:], axis=1) + np.prod(b[:, 2:], axis=1) - common)


def follow(config, net, frames, box):
    """Boxes of a new tracker on frames, from the box of the first on."""
    tracking = Tracker(config, net)
    tracking.init(frames[0], box)
    return [tracking.box, *(tracking.update(frame) for frame in frames[1:])]


def path(count, x=0.0, y=0.0, w=36.0, h=30.0, dx=0.0, dy=0.0, growth=1.0):
    """Boxes (count, 4) that move by (dx, dy) and grow about their centre."""
    steps = np.arange(count)
    sizes = np.array([w, h]) * growth ** steps[:, None]
    centres = np.array([x + w / 2, y + h / 2]) + steps[:, None] * [dx, dy]
    return np.hstack([centres - sizes / 2, sizes])


@pytest.fixture(scope="module")
def small(small_config):
    """A configuration of a small plain network, and the network, untrained."""
    config = small_config(tracking={"input_size": 63}, levels=["conv3"], deformable=[], inter_frame=False)
    return config, build(config.network)


@pytest.fixture
def frame(texture):
    return texture(120, 160)


# Where the target is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dx, dy", [(0, 0), (8, 0), (0, -8), (16, 8), (-4, 4), (3, -5), (12, 7), (-30, 0)])
def test_a_shift_of_the_picture_shifts_the_box(shipped, texture, dx, dy):
    """A target of 42 pixels has a window of the network's input's size: a cell is 8 pixels of the frame."""
    config, net = shipped
    scene = texture(260, 300, seed=2, grain=12)
    box = (90, 70, 127 / 3, 127 / 3)
    tracking = Tracker(from_dict({"tracking": {"scales": 1}}, base=config), net)
    tracking.init(scene[40:220, 40:260], box)
    box_after = tracking.update(scene[40 - dy : 220 - dy, 40 - dx : 260 - dx])
    assert box_after == pytest.approx((90 + dx, 70 + dy, *box[2:]), abs=2)  # a quarter of a cell
    assert 0 < tracking.score <= 1.1
    if dx % 8 == 0 and dy % 8 == 0:
        top = np.unravel_index(int(tracking.response.argmax()), tracking.response.shape)
        assert top == ((dy // 8) % 15, (dx // 8) % 15)


@pytest.mark.parametrize("context_source", ["image", "feature"])
def test_an_untrained_network_of_the_papers_kind_finds_a_shift(small_config, texture, context_source):
    """With attention, state, refinement and contexts."""
    config = small_config(filter={"context_source": context_source}, levels=["conv3", "conv4"])
    scene = texture(260, 300, seed=2, grain=12)
    tracking = Tracker(config, build(config.network))
    tracking.init(scene[40:220, 40:260], (90, 70, 127 / 3, 127 / 3))
    for shift in (8, 16):
        box_after = tracking.update(scene[40:220, 40 - shift : 260 - shift])
        assert box_after[:2] == pytest.approx((90 + shift, 70), abs=3)


@pytest.mark.parametrize("seed", [0, 10])
def test_a_moving_target_is_followed(shipped, make_clip, seed):
    truth = path(16, 30, 40, dx=1.8, dy=0.7)
    assert overlaps(follow(*shipped, make_clip(truth, seed=seed), truth[0]), truth).mean() > 0.6


@pytest.mark.parametrize("growth", [1.02, 1 / 1.02])
def test_a_growing_or_shrinking_target_is_followed(shipped, make_clip, growth):
    truth = path(16, 60, 40, 40, 40, growth=growth)
    boxes = follow(*shipped, make_clip(truth, seed=3), truth[0])
    assert overlaps(boxes, truth).mean() > 0.6
    assert (boxes[-1][2] - truth[0][2]) * (growth - 1) > 0  # late, for want of training, but the right way


@pytest.mark.parametrize("step", [1.02, 1.1])
@pytest.mark.parametrize("exponent", [-1, 0, 1])
def test_a_zoom_by_one_step_is_found(shipped, texture, step, exponent):
    """The picture scaled about the target's centre by a scale that is looked at: box and window scale by it."""
    config, net = shipped
    config = changed(config, scale_penalty=1.0, scale_penalty_larger=1.0, scale_step=step)
    scene = texture(300, 400, seed=2, grain=12)
    box, zoom = (179, 129, 42, 42), step**exponent
    matrix = np.array([[zoom, 0, (1 - zoom) * (200 - 0.5)], [0, zoom, (1 - zoom) * (150 - 0.5)]])
    tracking = Tracker(config, net)
    tracking.init(scene, box)
    box_after = tracking.update(cv2.warpAffine(scene, matrix, (400, 300)))
    assert box_after == pytest.approx((200 - 21 * zoom, 150 - 21 * zoom, 42 * zoom, 42 * zoom), abs=0.5)
    assert box_after[2] == pytest.approx(42 * zoom, rel=1e-6)
    assert tracking.window == pytest.approx((200, 150, 126 * zoom, 126 * zoom))


@pytest.mark.parametrize(
    "box, move",
    [
        ((50, 40, 4, 4), (0.3, 0)),  # tiny
        ((3, 2, 152, 115), (0.1, 0.1)),  # nearly the whole frame
        ((-12, 40, 36, 30), (0, 0.5)),  # over the border
        ((140, 100, 40, 40), (0, 0)),
        ((40, 50, 60, 12), (0.5, 0.2)),  # long
    ],
)
def test_targets_of_any_size_and_place(shipped, make_clip, box, move):
    truth = path(6, *box, *move)
    boxes = follow(*shipped, make_clip(truth, seed=4), truth[0])
    assert np.isfinite(boxes).all()
    assert overlaps(boxes, truth).min() > 0.6


def test_a_box_far_larger_than_the_frame_comes_down_to_it(small, frame):
    tracking = Tracker(*small)
    tracking.init(frame, (-1e6, -1e6, 2e6, 2e6))
    x, y, w, h = tracking.update(frame)
    height, width = frame.shape[:2]
    assert np.isfinite([x, y, w, h]).all() and x < width and y < height and x + w > 0 and y + h > 0
    assert max(w, h) <= max(height, width)


def test_pictures_without_structure(shipped):
    """A scene that fades to black and comes back: finite boxes that do not shrink or run away."""
    config, net = shipped
    box = (60, 40, 30, 30)
    for first, then in ((128, 0), (0, 255)):
        tracking = Tracker(config, net)
        tracking.init(np.full((120, 160, 3), first, np.uint8), box)
        for _ in range(3):
            box_after = tracking.update(np.full((120, 160, 3), then, np.uint8))
        assert np.isfinite(box_after).all() and overlaps([box_after], [box]) > 0.3


# The frames' kind does not matter ------------------------------------------------------------------------------------


def kinds(frames):
    """The same pictures as other arrays: 16 bits, with alpha, as floats, not contiguous."""
    alpha = np.random.default_rng(0).integers(0, 256, (*frames[0].shape[:2], 1)).astype(np.uint8)
    return {
        "16 bits": [frame.astype(np.uint16) * 257 for frame in frames],
        "16 bits, low bits set": [frame.astype(np.uint16) * 256 + 200 for frame in frames],
        "alpha": [np.concatenate([frame, alpha], axis=2) for frame in frames],
        "float": [frame / 255.0 for frame in frames],
        "view": [np.ascontiguousarray(frame[..., ::-1])[..., ::-1] for frame in frames],
    }


def test_kinds_of_frames_give_the_same_boxes(small, make_clip):
    truth = path(3, 30, 40, dx=2)
    frames = make_clip(truth, seed=1)
    expected = follow(*small, frames, truth[0])
    for kind, other in kinds(frames).items():
        assert follow(*small, other, truth[0]) == expected, kind


def test_grey_frames_give_the_boxes_of_three_equal_channels(small, make_clip):
    truth = path(3, 30, 40, dx=2)
    grey = [frame[..., 1].copy() for frame in make_clip(truth, seed=1)]
    expected = follow(*small, [np.repeat(frame[..., None], 3, axis=2) for frame in grey], truth[0])
    assert follow(*small, grey, truth[0]) == expected
    assert follow(*small, [frame[..., None] for frame in grey], truth[0]) == expected
    assert follow(*small, [frame.astype(np.uint16) * 256 for frame in grey], truth[0]) == expected


def test_frames_are_not_written_to(small, frame):
    before = frame.copy()
    follow(*small, [frame] * 3, START)
    assert (frame == before).all()


# Bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "box, words",
    [
        ((10, 10, 0, 5), "no size"),
        ((10, 10, 5, -1), "no size"),
        ((float("nan"), 10, 5, 5), "four finite numbers"),
        ((10, 10, float("inf"), 5), "four finite numbers"),
        ((10, 10, 5), "four finite numbers"),
        ((10, 10, 5, 5, 5), "four finite numbers"),
        ((160, 10, 5, 5), "outside the frame of 160x120"),
        ((10, 120, 5, 5), "outside the frame"),
        ((-5, 10, 5, 5), "outside the frame"),
        ((10, -30, 5, 30), "outside the frame"),
        ("10,10,5,5", "four finite numbers"),
        (("a", "b", "c", "d"), "four finite numbers"),
        (None, "four finite numbers"),
        (7, "four finite numbers"),
        ([[1, 2], [3]], "four finite numbers"),
    ],
)
def test_a_box_that_is_none_is_refused(box, words):
    with pytest.raises(InputError, match=words) as caught:
        check_box(box, (120, 160, 3))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("box", [(159.5, 10, 5, 5), (-4.9, 119, 5, 5), (0, 0, 160, 120), (-10, -10, 200, 150)])
def test_a_box_that_touches_the_frame_is_taken_as_it_is(box):
    assert check_box(np.array(box), (120, 160, 3)) == pytest.approx(box)


def test_update_before_init_is_refused(small, frame):
    with pytest.raises(InputError, match="call init"):
        Tracker(*small).update(frame)


def test_a_frame_of_another_size_is_refused(small, frame):
    tracking = Tracker(*small)
    tracking.init(frame, START)
    with pytest.raises(InputError, match="the frame is 158x120 but the first was 160x120"):
        tracking.update(frame[:, 2:])
    tracking.update(frame)  # the tracker still works


@pytest.mark.parametrize("shape", [(0, 10, 3), (10, 10, 2), (10,), (2, 10, 10, 3)])
def test_what_is_no_picture_is_refused(small, shape):
    with pytest.raises(InputError, match="not a frame"):
        Tracker(*small).init(np.zeros(shape, np.uint8), START)


def test_a_refused_init_leaves_the_tracker_as_it_was(small, frame, texture):
    tracking, undisturbed = Tracker(*small), Tracker(*small)
    for tracker in (tracking, undisturbed):
        tracker.init(frame, START)
    with pytest.raises(InputError):
        tracking.init(texture(50, 60), (10, 10, 0, 0))
    assert tracking.update(frame) == undisturbed.update(frame)


# What a tracker keeps ------------------------------------------------------------------------------------------------


def test_two_runs_are_equal_bit_for_bit(small_config, make_clip):
    config = small_config(levels=["conv3", "conv4"])
    truth = path(4, 30, 40, dx=2)
    frames = make_clip(truth, seed=1)
    runs = [follow(config, build(config.network), frames, truth[0]) for _ in range(2)]
    assert runs[0] == runs[1]


def test_a_second_init_starts_anew(small_config, make_clip):
    config = small_config()
    truth = path(4, 30, 40, dx=2)
    frames = make_clip(truth, seed=1)
    tracking = Tracker(config, build(config.network))
    tracking.init(frames[-1][:90], START)
    tracking.update(frames[-2][:90])
    tracking.init(frames[0], truth[0])
    assert tracking.response is None
    again = [tracking.box, *(tracking.update(frame) for frame in frames[1:])]
    assert again == follow(config, build(config.network), frames, truth[0])


def test_what_can_be_seen_of_a_tracker(small, frame):
    config, net = small
    tracking = Tracker(config, net)
    assert tracking.box is None and tracking.response is None
    tracking.init(frame, START)
    assert tracking.box == START and tracking.response is None
    assert 0.3 < tracking.score < 1.05  # on what it was learned from; λ1 and the contexts hold it below 1
    box = tracking.update(frame)
    assert box == tracking.box and all(type(value) is float for value in box)
    assert tracking.response.shape == (7, 7)
    assert tracking.score == tracking.response.max()
    assert tracking.window == geometry.window_of(START, 2.0, "per-axis")  # the frame has not changed
    assert box == pytest.approx(START, abs=0.1)


class Watched:
    """A filter that keeps what it was taught; `answers` replaces its responses."""

    def __init__(self, config, cells=7, channels=64, answers=None):
        self._label = template_label(config.filter, config.tracking.padding, channels, cells, cells)
        self._config, self._answers = config.filter, answers
        self.taught, self.rates, self.asked = [], [], []

    def learn(self, z0, zi, rate):
        if rate == 1:
            self._filter = OnlineFilter(self._config, self._label)
        self._filter.learn(z0, zi, rate)
        self.taught.append((z0, zi))
        self.rates.append(rate)

    def respond(self, x):
        self.asked.append(x)
        answer = self._filter.respond(x) if self._answers is None else self._answers(len(x))
        return answer if len(answer) == len(x) else answer[: len(x)]

    def response_to(self, x):
        return self._filter.respond(x)


def channels_of(net):
    image = nd.zeros((1, 3, 127, 127))
    return net(image, *net.begin_state(image.shape))[0].shape[1]


@pytest.fixture
def watched(small):
    """Make a tracker of the small network with a `Watched` filter: (tracker, filter)."""

    def make(answers=None, **settings):
        config = changed(small[0], **settings)
        filter_ = Watched(config, channels=channels_of(small[1]), answers=answers)
        return Tracker(config, small[1], filter=filter_), filter_

    return make


def test_the_filter_of_eq_10_is_what_a_tracker_uses_by_default(small, watched, make_clip):
    truth = path(5, 30, 40, dx=2)
    frames = make_clip(truth, seed=1)
    tracking, _ = watched()
    boxes = [box for _, box in tracking.track(frames, truth[0])]
    assert boxes[1:] == follow(*small, frames, truth[0])[1:]


@pytest.mark.parametrize("adaptive_rate", [False, True])
def test_a_learning_rate_of_zero_keeps_the_filter(watched, texture, adaptive_rate):
    tracking, filter_ = watched(learning_rate=0.0, adaptive_rate=adaptive_rate)
    tracking.init(texture(120, 160), START)
    (x,) = filter_.asked
    before = filter_.response_to(x)
    tracking.update(texture(120, 160, seed=5))
    assert (filter_.response_to(x) == before).all()


def test_a_learning_rate_of_one_forgets(watched, texture):
    """The filter is then the one that a tracker started on the new frame has."""
    (tracking, ours), (fresh, theirs) = (watched(learning_rate=1.0, adaptive_rate=False) for _ in range(2))
    tracking.init(texture(120, 160), START)
    fresh.init(texture(120, 160, seed=5), tracking.update(texture(120, 160, seed=5)))
    (x,) = theirs.asked
    np.testing.assert_allclose(ours.response_to(x), theirs.response_to(x), atol=1e-5)


@pytest.mark.parametrize("context_source", ["image", "feature"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 16, "levels": ["conv3", "conv4"]},
        {"stride": 4, "levels": ["conv3"], "deformable": []},
        {"stride": 8, "levels": ["conv3"], "deformable": [], "tracking": {"input_size": 225}},
    ],
    ids=["stride 8", "stride 16", "stride 4", "input 225"],
)
def test_state_moves_and_keeps_its_shape(small_config, texture, options, context_source):
    config = small_config(filter={"context_source": context_source}, **options)
    net = build(config.network)
    tracking = Tracker(config, net)
    tracking.init(texture(120, 160), START)
    size = config.tracking.input_size
    shapes = [part.shape for part in net.begin_state((1, 3, size, size))]
    assert len(shapes) == 2 * len(config.network.levels)
    before = [part.asnumpy() for part in tracking.state]
    assert [part.shape for part in before] == shapes
    assert all(part.any() for part in before)  # the first frame has moved it
    for seed in (1, 2):
        tracking.update(texture(120, 160, seed=seed))
        after = [part.asnumpy() for part in tracking.state]
        assert [part.shape for part in after] == shapes
        assert all(np.abs(a - b).max() > 1e-6 for a, b in zip(after, before))
        before = after


def test_state_is_the_same_by_image_and_by_feature(small_config, texture):
    """Away from the borders: one larger window shows the target-centred patch the same pixels."""
    frame = texture(300, 300)
    states = []
    for source in ("image", "feature"):
        config = small_config(
            filter={"context_source": source}, tracking={"input_size": 255}, levels=["conv3"], deformable=[]
        )
        tracking = Tracker(config, build(config.network))
        tracking.init(frame, (130, 130, 40, 40))
        states.append([part.asnumpy() for part in tracking.state])
    for a, b in zip(*states):
        inner = (Ellipsis, slice(12, -12), slice(12, -12))
        np.testing.assert_allclose(a[inner], b[inner], atol=1e-3 * np.abs(a).max())


def test_contexts_of_the_feature_map_are_those_of_windows_around(small_config, texture):
    """Template and contexts that are cut from one map, against windows of the image shifted by as many cells."""
    options = {"levels": ["conv3"], "deformable": [], "inter_frame": False, "refinement": "concat"}
    config = small_config(
        filter={"context_source": "feature"}, tracking={"input_size": 255}, channel=False, spatial=False, **options
    )
    net = build(config.network)
    frame, box, cells = texture(400, 400), (170, 180, 45, 30), 31
    filter_ = Watched(config, cells)
    Tracker(config, net, filter=filter_).init(frame, box)
    ((z0, zi),) = filter_.taught
    assert z0.shape == (64, cells, cells) and zi.shape == (4, 64, cells, cells)
    window = geometry.window_of(box, 2.0, "per-axis")
    dx, dy = (10 * 8 * side / 255 for side in window[2:])  # the margin: 31 cells / 3
    windows = [geometry.shifted(window, *d) for d in ((0, 0), (0, -dy), (0, dy), (-dx, 0), (dx, 0))]
    patches = np.stack([geometry.crop(frame, part, 255) for part in windows])
    (levels,) = net.backbone(nd.array(patches.transpose(0, 3, 1, 2), dtype="float32"))
    inner = (Ellipsis, slice(12, -12), slice(12, -12))
    for ours, theirs in zip((z0, *zi), levels):
        ours, theirs = ours.asnumpy()[inner], theirs.asnumpy()[inner]
        cosine = (ours * theirs).sum() / np.linalg.norm(ours) / np.linalg.norm(theirs)
        assert cosine > 0.999  # energies are those of the whole map


def test_contexts_of_the_image_are_one_target_size_away(small_config, texture, monkeypatch):
    seen = []
    crop = geometry.crop
    monkeypatch.setattr(geometry, "crop", lambda frame, window, size: seen.append(window) or crop(frame, window, size))
    config = small_config(tracking={"input_size": 63}, levels=["conv3"], deformable=[], inter_frame=False)
    tracking = Tracker(config, build(config.network))
    tracking.init(texture(120, 160), START)
    cx, cy = 68, 55
    assert [window[:2] for window in seen] == [(cx, cy), (cx, cy - 30), (cx, cy + 30), (cx - 36, cy), (cx + 36, cy)]
    del seen[:]
    tracking.update(texture(120, 160))
    side = 3 * 36
    assert [window[2] / side for window in seen[:3]] == pytest.approx([1 / 1.02, 1, 1.02])  # search, then learning
    assert len(seen) == 3 + 5


def test_without_contexts_there_is_one_template(small_config, texture):
    config = small_config(
        tracking={"input_size": 63}, filter={"contexts": 0}, levels=["conv3"], deformable=[], inter_frame=False
    )
    filter_ = Watched(config, channels=6)
    Tracker(config, build(config.network), filter=filter_).init(texture(120, 160), START)
    assert [zi for _, zi in filter_.taught] == [None]


def test_the_update_rate_follows_the_score(watched, texture):
    """η max g_t / max g_1, within 0 and 1; η alone when not adaptive."""
    for adaptive in (True, False):
        tracking, filter_ = watched(learning_rate=0.2, adaptive_rate=adaptive)
        tracking.init(texture(120, 160), START)
        first = tracking.score
        tracking.update(texture(120, 160, seed=9))
        assert filter_.rates == [1, pytest.approx(0.2 * tracking.score / first if adaptive else 0.2)]


def answers_of(responses):
    """Responses to all scales in `update`, and something to `init`."""
    return lambda count: responses if count > 1 else np.ones((1, 7, 7))


def test_a_changed_scale_pays_its_penalty(watched, frame):
    """Of equal responses the unchanged scale wins; of one above the penalty, the changed one does."""
    for heights, factor in (([1, 1, 1], 1), ([1, 1, 1.1], 1), ([1, 1, 1.2], 1.02), ([1.2, 1, 1], 1 / 1.02)):
        responses = np.zeros((3, 7, 7))
        responses[:, 0, 0] = heights
        tracking, _ = watched(answers_of(responses), scale_penalty=0.9, scale_penalty_larger=0.9)
        tracking.init(frame, START)
        _, _, w, h = tracking.update(frame)
        assert (w, h) == pytest.approx((36 * factor, 30 * factor))


@pytest.mark.parametrize("window, width, height", [("per-axis", 108, 90), ("square", 98.59, 98.59)])
def test_cells_are_those_of_the_window_that_was_chosen(watched, frame, window, width, height):
    """A displacement by a cell is `stride` pixels of the crop of the chosen scale's window."""
    responses = np.zeros((3, 7, 7))
    responses[2, 1, 5] = 1  # a cell down, two cells left
    tracking, _ = watched(answers_of(responses), scale_step=1.1, window=window)
    tracking.init(frame, START)
    x, y, w, h = tracking.update(frame)
    assert (w, h) == pytest.approx((39.6, 33))
    dx, dy = 8 * 1.1 * width / 63, 8 * 1.1 * height / 63
    assert (x + w / 2, y + h / 2) == pytest.approx((68 - 2 * dx, 55 + dy), abs=0.01)


@pytest.mark.parametrize("window, side", [("per-axis", (60, 135)), ("margin", (80, 105)), ("square", (90, 90))])
def test_the_search_window(small, texture, window, side):
    """w + 2 √(w h) by h + 2 √(w h) with equal margins; a target of 20x45 has √(w h) = 30."""
    tracking = Tracker(changed(small[0], window=window), small[1])
    tracking.init(texture(120, 160), (60, 40, 20, 45))
    tracking.update(texture(120, 160))
    assert tracking.window == pytest.approx((70, 62.5, *side))


def test_a_tracker_leaves_the_network_trainable(small_config, images_of):
    """Static memory, which tracking wants, gives wrong gradients where outputs go unused or two calls are recorded:
    a tracker must not switch it on for whoever trains the network."""
    config = small_config(levels=["conv3", "conv4"], deformable=[])
    net = build(config.network)
    before = gradients(net, images_of(2))
    Tracker(config, net)
    after = gradients(net, images_of(2))
    for name, gradient in before.items():
        np.testing.assert_allclose(after[name], gradient, atol=1e-3 * np.abs(gradient).max() + 1e-12, err_msg=name)


@pytest.fixture
def images_of():
    return lambda count: nd.array(np.random.default_rng(0).uniform(0, 255, (count, 3, 127, 127)))


def gradients(net, images):
    """Gradients of a projection of the second of two frames, the state handed on."""
    state = net.begin_state((1, 3, 127, 127))
    probe = nd.array(np.random.default_rng(5).normal(size=(1, 6, 15, 15)))
    with autograd.record():
        _, *state = net(images[:1], *state)
        loss = (net(images[1:], *state)[0] * probe).sum()
    loss.backward()
    return {name: p.grad().asnumpy().copy() for name, p in parameters(net).items() if p.grad_req != "null"}


def changed(config, **tracking):
    return from_dict({"tracking": tracking}, base=config)


# How sure it is ------------------------------------------------------------------------------------------------------


def test_confidence_is_one_half_where_it_is_said_to_be_and_rises():
    assert confidence(0.2, 0.2, 4.0) == pytest.approx(0.5)
    assert confidence(0.4, 0.2, 4.0) == pytest.approx(16 / 17)
    rising = [confidence(score, 0.2, 4.0) for score in (0.0, 1e-300, 0.01, 0.1, 0.3, 1.0, 1e9)]
    assert rising == sorted(rising) and rising[0] == 0 and rising[-1] == pytest.approx(1)


@pytest.mark.parametrize("score", [0.0, -0.1, float("nan")])
def test_no_score_is_no_confidence(score):
    assert confidence(score, 0.1, 5.0) == 0


def test_confidence_is_that_of_the_weights(small, texture, tmp_path):
    """Two numbers beside the arrays; without them, those of the package."""
    arrays = {name: parameter.data().asnumpy() for name, parameter in parameters(small[1]).items()}
    numbers = []
    for fitted in ({}, {"confidence": np.array([0.5, 1.0])}):
        save_arrays(tmp_path / "weights.npz", {**arrays, **fitted}, to_dict(small[0]), "network")
        tracking = Tracker(small[0], tmp_path / "weights.npz")
        tracking.init(texture(120, 160), START)
        numbers.append((tracking.score, tracking.confidence))
    (score, usual), (_, own) = numbers
    assert usual == pytest.approx(confidence(score, *CONFIDENCE)) and own == pytest.approx(score / (score + 0.5))


def test_after_a_frame_of_one_value_nothing_of_the_frame_before_is_left(small, texture):
    tracking = Tracker(*small)
    tracking.init(texture(120, 160), START)
    box = tracking.update(texture(120, 160))
    assert tracking.update(np.zeros((120, 160, 3), np.uint8)) == box
    assert tracking.score == tracking.confidence == 0 and not tracking.response.any()
    assert tracking.window == geometry.window_of(box, 2.0, "per-axis")
    assert tracking.update(texture(120, 160)) == pytest.approx(box, abs=1)


def test_numbers_that_are_none_do_not_leave_the_tracker(watched, texture):
    tracking, _ = watched(lambda count: np.full((count, 7, 7), np.nan if count > 1 else 1.0))
    tracking.init(texture(120, 160), START)
    assert tracking.update(texture(120, 160, seed=3)) == START
    assert tracking.score == 0 and not tracking.response.any()


@pytest.mark.parametrize("runtime", ["mxnet", "onnx"])
def test_a_deep_copy_goes_its_own_way(make_clip, runtime):
    """It shares the network alone: each of both follows its target as one alone does."""
    frames = make_clip(np.array([52.0, 42, 36, 32]) + np.arange(4)[:, None] * [1.5, 0.5, 0, 0])
    tracker = Tracker(runtime=runtime)
    tracker.init(frames[0], (52, 42, 36, 32))
    tracker.update(frames[1])
    copied = copy.deepcopy(tracker)
    assert copied.net is tracker.net and copied.box == tracker.box
    last = [tracker.update(frame) for frame in frames[2:]]
    assert copied.box != last[-1]
    assert [copied.update(frame) for frame in frames[2:]] == last
    copied.init(frames[0], (20, 20, 30, 30))
    assert tracker.box == last[-1]
