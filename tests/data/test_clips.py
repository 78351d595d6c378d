import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon import geometry
from rar_gluon.common import InputError
from rar_gluon.data import clips as clips_module
from rar_gluon.data.clips import (
    Clips,
    Stored,
    choose_frames,
    motion_kernel,
    stack_clips,
    training_clips,
    weighted_folders,
)
from rar_gluon.data.prepare import prepare
from rar_gluon.data.sequence import write_boxes
from rar_gluon.data.synthetic import SyntheticTracks
from rar_gluon.data.synthetic.pictures import name_share

QUIET = {name: 0.0 for name in ("shift_jitter", "scale_jitter", "photometric", "negatives")}


@pytest.fixture(scope="module")
def tracks(texture):
    return SyntheticTracks(8, 10, 1, (96, 128), backgrounds=[texture(130, 150, seed, 6) for seed in range(3)])


@pytest.fixture
def make_config(small_config):
    def make(filter=None, tracking=None, **training):
        return small_config({"input_size": 63, **(tracking or {})}, filter, training)

    return make


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other))


# A clip is a function of seed and number -----------------------------------------------------------------------------


def test_clips_do_not_depend_on_who_cuts_them_and_when(make_config, texture):
    pictures = [texture(130, 150, seed, 6) for seed in range(3)]
    config = make_config(templates=2, negatives=0.3)

    def clips(seed=None):
        return Clips([(SyntheticTracks(8, 10, 1, (96, 128), backgrounds=pictures), 1.0)], config, seed)

    first, again = clips(), clips()
    numbers = [7, 0, 123456789, 3, 11, 5]
    expected = {number: first[number] for number in numbers}
    assert all(equal(again[number], expected[number]) for number in reversed(numbers))
    with ThreadPoolExecutor(4) as pool:
        assert all(
            equal(clip, expected[number]) for number, clip in zip(numbers, pool.map(clips().__getitem__, numbers))
        )
    assert not equal(clips(1)[0], expected[0]) and not equal(expected[0], expected[3])
    assert equal(clips(config.training.seed)[0], expected[0])


# Geometry ------------------------------------------------------------------------------------------------------------


def scene(x, y, w=40, h=30):
    """A bright textured thing on a dark plain background, (200, 240, 3), and its box."""
    frame = np.full((200, 240, 3), 20, np.uint8)
    thing = 140 + np.random.default_rng(0).integers(0, 100, (h // 5, w // 5, 3))
    frame[y : y + h, x : x + w] = np.kron(thing, np.ones((5, 5, 1)))
    return frame, (float(x), float(y), float(w), float(h))


def centre_of(patch):
    """(y, x) of what is bright in a patch, from its own middle; pixel i covers [i, i + 1)."""
    rows, columns = np.nonzero(patch.mean(axis=2) > 80)
    size = patch.shape[0]
    return np.array([(rows.min() + rows.max() + 1) / 2, (columns.min() + columns.max() + 1) / 2]) - size / 2


@pytest.mark.parametrize("window", ["square", "margin", "per-axis"])
def test_the_target_is_where_the_clip_says(make_config, window):
    """Mirrored or not, whatever the scale, found by its brightness."""
    config = make_config(
        tracking={"input_size": 127, "window": window}, shift_jitter=0.5, scale_jitter=0.2, photometric=0.1
    )
    stored = Stored(["one"], [[(t, *scene(60 + 20 * t, 90 - 10 * t)) for t in range(4)]])
    clips = Clips([(stored, 1.0)], config)
    shifts = []
    for number in range(40):
        clip = clips[number]
        assert centre_of(clip.search) == pytest.approx(clip.shift, abs=1.5)
        assert centre_of(clip.templates[0, 0]) == pytest.approx((0, 0), abs=1.5)
        shifts.append(clip.shift)
    limit = 0.5 * 127 / 3 * 1.2 * (1 if window == "square" else (40 / 30) ** 0.5)
    assert np.abs(shifts).max() < limit and (np.ptp(shifts, axis=0) > limit).all()


def test_half_of_the_clips_are_mirrored_as_a_whole(make_config):
    """Templates, contexts and search region of a clip are, or none."""
    config = make_config(tracking={"input_size": 127}, **QUIET)
    frame, box = scene(100, 80)
    clips = Clips([(Stored(["one"], [[(0, frame, box), (1, frame, box)]]), 1.0)], config)
    window = geometry.window_of(box, 2.0, "per-axis")
    plain = geometry.crop(frame, window, 127)
    contexts = [geometry.crop(frame, part, 127) for part in geometry.context_windows(window, box)]
    mirrored = 0
    for number in range(60):
        clip = clips[number]
        turned = (clip.search == plain[:, ::-1]).all()
        mirrored += turned
        for patch, expected in zip((clip.search, *clip.templates[0]), (plain, plain, *contexts)):
            np.testing.assert_array_equal(patch, expected[:, ::-1] if turned else expected)
    assert 15 < mirrored < 45


@pytest.mark.parametrize("source, count, size", [(None, 1, 127), ("image", 5, 127), ("feature", 1, 127 + 2 * 40)])
def test_shapes(make_config, tracks, source, count, size):
    config = make_config(
        {"contexts": 0} if source is None else {"context_source": source}, {"input_size": 127}, templates=3
    )
    clip = Clips([(tracks, 1.0)], config)[4]
    assert clip.templates.shape == (3, count, size, size, 3) and clip.templates.dtype == np.uint8
    assert clip.search.shape == (127, 127, 3) and clip.search.dtype == np.uint8
    assert clip.shift.shape == (2,) and clip.present == 1
    batch = stack_clips([clip, clip])
    assert batch.templates.shape == (2, *clip.templates.shape) and batch.search.shape == (2, 127, 127, 3)
    assert batch.present.tolist() == [1, 1] and batch.source == [clip.source] * 2


def test_the_larger_window_shows_the_smaller_ones_pixels(make_config, texture):
    """Contexts by feature: at the same resolution, around the same centre."""
    frame, box = texture(400, 400, 3, 12), (180, 170, 42, 42)  # a window of 126 pixels
    stored = Stored(["one"], [[(0, frame, box), (1, frame, box)]])
    larger, smaller = (
        Clips([(stored, 1.0)], make_config({"context_source": source}, {"input_size": 126}, **QUIET))[0]
        for source in ("feature", "image")
    )
    margin = (larger.templates.shape[2] - 126) // 2
    inner = larger.templates[0, 0, margin:-margin, margin:-margin].astype(int)
    assert np.abs(inner - smaller.templates[0, 0]).max() <= 1


# Frames --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("templates, max_gap", [(1, 1), (1, 5), (2, 10), (4, 12), (3, 1)])
def test_frames_of_a_clip(templates, max_gap):
    """In order of time, forwards or backwards, near each other, all different where there are enough of them."""
    frames = np.array([3, 4, 5, 9, 10, 11, 12, 13, 20, 21, 22, 23, 24, 25, 26])
    rng = np.random.default_rng(0)
    forwards, used = 0, set()
    for _ in range(300):
        chosen = frames[choose_frames(frames, templates, max_gap, rng)]
        assert len(chosen) == templates + 1 and np.ptp(chosen) <= max_gap
        steps = np.diff(chosen)
        assert (steps >= 0).all() or (steps <= 0).all()
        assert (steps != 0).all() or max_gap < templates + 1 or templates > 2
        forwards += steps.sum() > 0
        used |= set(chosen.tolist())
    assert 60 < forwards < 240 and used == set(frames.tolist())


def test_a_track_with_too_few_frames_repeats_them():
    assert choose_frames(np.array([7]), 2, 5, np.random.default_rng(0)) == [0, 0, 0]
    assert set(choose_frames(np.array([7, 8]), 1, 5, np.random.default_rng(0))) == {0, 1}


def test_clips_keep_the_gap_and_the_order(make_config):
    """Frames whose grey level is their number."""
    pictures = [(t, np.full((60, 60, 3), 10 * t, np.uint8), (20.0, 20.0, 15.0, 15.0)) for t in range(20)]
    clips = Clips([(Stored(["one"], [pictures]), 1.0)], make_config(**QUIET, templates=3, max_gap=6))
    seen = set()
    for number in range(300):
        clip = clips[number]
        times = [int(template[0, 0, 0, 0]) // 10 for template in clip.templates] + [int(clip.search[0, 0, 0]) // 10]
        assert len(set(times)) == 4 and times in (sorted(times), sorted(times)[::-1]) and np.ptp(times) <= 6
        assert clip.source == f"one[{times[0]}]"
        seen |= set(times)
    assert seen == set(range(20))


# Negatives, shares, augmentation -------------------------------------------------------------------------------------


def coloured(levels):
    """Tracks of plain pictures, each of its own grey level."""
    box = (20.0, 20.0, 15.0, 15.0)
    return Stored(
        [f"track {level}" for level in levels],
        [[(t, np.full((60, 60, 3), level, np.uint8), box) for t in range(3)] for level in levels],
    )


def test_negative_clips_show_another_object(make_config):
    config = make_config(**{**QUIET, "negatives": 0.4})
    clips = [Clips([(coloured([0, 60, 120]), 1.0)], config)[number] for number in range(200)]
    absent = [clip for clip in clips if not clip.present]
    assert 50 < len(absent) < 110
    assert all((clip.search[0, 0, 0] == clip.templates[0, 0, 0, 0, 0]) == bool(clip.present) for clip in clips)
    assert {int(clip.search[0, 0, 0]) for clip in absent} == {0, 60, 120}
    alone = Clips([(coloured([0]), 1.0)], config)
    assert all(alone[number].present for number in range(20))


def test_sources_get_their_shares(make_config):
    config = make_config(**QUIET)
    clips = Clips([(coloured([0, 10]), 3.0), (coloured([200]), 1.0), (coloured([90]), 0.0)], config)
    levels = np.array([clips[number].search[0, 0, 0] for number in range(300)])
    assert 0.15 < (levels == 200).mean() < 0.35 and not (levels == 90).any()
    assert 0.25 < (levels == 10).mean() < 0.5


@pytest.mark.parametrize("sources", [[], [(Stored([], []), 1.0)], [(coloured([0]), 0.0)]])
def test_no_tracks_are_refused(make_config, sources):
    with pytest.raises(InputError, match=r"^there is no track to train on: [^\n]*\.$"):
        Clips(sources, make_config())


def test_without_augmentation_pixels_are_those_of_the_crop(make_config, tracks):
    """Of some frame of the track, and of one only."""
    clips = Clips([(tracks, 1.0)], make_config(**QUIET))
    for number in range(4):
        clip = clips[number]
        name, index = clip.source[:-1].split("[")
        picture, box = tracks.picture(tracks.names.index(name), int(index))
        cut = geometry.crop(picture, geometry.window_of(box, 2.0, "per-axis"), 63)
        patch = clip.templates[0, 0]
        assert np.array_equal(patch, cut) or np.array_equal(patch, cut[:, ::-1])
        assert clip.shift.tolist() == [0, 0]


@pytest.mark.parametrize("option", ["photometric", "grey", "blur"])
def test_each_augmentation(make_config, texture, option, monkeypatch):
    """Whole clips are grey; light and sharpness change in a frame's patches alike, and differ between frames."""
    box = (40.0, 40.0, 20.0, 20.0)
    frame = texture(110, 110, 4, 4)
    stored = Stored(["one"], [[(0, frame, box), (1, frame, box)]])
    plain = Clips([(stored, 1.0)], make_config(**QUIET))
    for name in ("GREY", "BLUR"):
        monkeypatch.setattr(clips_module, name, float(name.lower() == option))
    changed = Clips([(stored, 1.0)], make_config(**{**QUIET, "photometric": 0.4 if option == "photometric" else 1e-9}))
    differences = 0
    for number in range(6):
        before, after = plain[number], changed[number]
        assert np.array_equal(before.shift, after.shift)
        old, new = before.templates[0].astype(float), after.templates[0].astype(float)
        if option == "grey":
            for patch in (after.search, *after.templates[0]):
                assert (patch == patch[..., :1]).all()
            expected = cv2.cvtColor(before.search, cv2.COLOR_BGR2GRAY).astype(int)
            assert np.abs(after.search[..., 0].astype(int) - expected).max() <= 1
        elif option == "blur":
            assert np.abs(np.diff(new, axis=2)).mean() + np.abs(np.diff(new, axis=1)).mean() < 0.95 * (
                np.abs(np.diff(old, axis=2)).mean() + np.abs(np.diff(old, axis=1)).mean()
            )
            assert new.mean() == pytest.approx(old.mean(), abs=2)
        else:
            inside = (new > 0) & (new < 255)
            assert np.corrcoef(old[inside], new[inside])[0, 1] > 0.9
        differences += not np.array_equal(new[0] - old[0], after.search - before.search.astype(float))
    assert differences > 0 or option == "grey"


@pytest.mark.parametrize("length", range(3, 10))
@pytest.mark.parametrize("angle", [0, 0.4, np.pi / 4, np.pi / 2, 2.5, 3.1])
def test_a_motion_kernel_blurs_along_its_angle_and_moves_nothing(length, angle):
    kernel = motion_kernel(length, angle)
    assert kernel.sum() == pytest.approx(1) and kernel.shape[0] % 2 == 1
    half = kernel.shape[0] // 2
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    assert [(kernel * rows).sum(), (kernel * columns).sum()] == pytest.approx([0, 0], abs=0.25)
    along = (columns * np.cos(angle) + rows * np.sin(angle)) ** 2
    across = (columns * np.sin(angle) - rows * np.cos(angle)) ** 2
    assert (kernel * along).sum() > 4 * (kernel * across).sum()


# From the command line's arguments -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def records(tmp_path_factory, make_clip):
    """A prepared folder of two sequences, `first` and `second`."""
    root = tmp_path_factory.mktemp("sequences")
    boxes = np.array([[40 + 2 * t, 40, 36, 30] for t in range(6)], float)
    for seed, name in enumerate(("first", "second")):
        (root / name).mkdir()
        for index, frame in enumerate(make_clip(boxes, seed=seed)):
            cv2.imwrite(str(root / name / f"{index:04d}.png"), frame)
        write_boxes(root / name / "groundtruth.txt", boxes)
    out = tmp_path_factory.mktemp("records") / "out"
    prepare("folder", root, out, side=63)
    return out


def test_records_and_synthetic_tracks(make_config, records):
    """Records alone by default; with a synthetic part, both; the search window is that of the whole frame's crop."""

    def names(**arguments):
        clips = training_clips(make_config(), {records: 1.0}, **arguments)
        return {clips[number].source.split("[")[0].split("-")[0] for number in range(20)}

    assert names() == {"first", "second"}
    assert names(synthetic=0.5) == {"first", "second", "synthetic"}
    assert names(synthetic=1.0) == {"synthetic"}
    assert training_clips(make_config(), {})[0].source.startswith("synthetic-")


def test_what_cannot_be_trained_on(make_config, records, tmp_path):
    config = make_config()
    for arguments, words in (
        (({records: 1},), None),
        (({tmp_path / "none": 1},), "holds no index.json"),
        (({records: 1}, 1.5), r"the synthetic part is 1\.5"),
        (({records: 1}, float("nan")), "the synthetic part is nan"),
        (({records: 1}, None, None, ["third", "second"]), "holds second, which is kept for validation"),
        (({records: 1}, 0, [(tmp_path, tmp_path)]), "--cutouts"),
        (({records: 0.0},), "the weight of"),
        (({records: float("inf")},), "the weight of"),
        (({}, 0.0), "there is no track to train on"),
    ):
        if words is None:
            training_clips(config, *arguments)
            continue
        with pytest.raises(InputError, match=words) as caught:
            training_clips(config, *arguments)
        assert "\n" not in str(caught.value)


def test_records_are_drawn_by_their_weights(make_config, records, tmp_path):
    """Two tracks of weight 1 and two of weight 1/2: two thirds of the clips are of the first."""
    other = tmp_path / "other"
    shutil.copytree(records, other)
    clips = training_clips(make_config(), weighted_folders([str(records), f"{other}=0.5"]))
    np.testing.assert_allclose(clips._share, [2 / 3, 1 / 3])
    assert weighted_folders([str(records), "sky=0.2"]) == {records: 1.0, Path("sky"): 0.2}
    with pytest.raises(InputError, match="DIR=WEIGHT is needed"):
        weighted_folders(["sky=much"])
    with pytest.raises(InputError, match="~nobodyx/r names the home folder of nobody"):
        weighted_folders(["~nobodyx/r"])


def test_cutouts_of_stills_and_videos_join(make_config, tmp_path, texture):
    """Both kinds of source give objects and backgrounds; a sequence that is held out gives neither."""
    for folder in ("stills", "videos/walk", "masks/walk", "videos/kept", "masks/kept"):
        (tmp_path / folder).mkdir(parents=True)
    mask = np.zeros((90, 120), np.uint8)
    mask[20:70, 30:80] = 255
    for stem, folder in (("cup_1", "stills"), ("cup_2", "stills")):
        cv2.imwrite(str(tmp_path / folder / f"{stem}.jpg"), texture(90, 120))
        cv2.imwrite(str(tmp_path / folder / f"{stem}.png"), mask)
    for name in ("walk", "kept"):
        cv2.imwrite(str(tmp_path / "videos" / name / "1.png"), texture(90, 120))
        cv2.imwrite(str(tmp_path / "masks" / name / "1.png"), mask)
    cutouts = [(tmp_path / "stills",), (tmp_path / "videos", tmp_path / "masks")]
    config = make_config(negatives=0.5)
    clips = training_clips(config, {}, None, cutouts, ["kept"])
    (tracks,) = clips._tracks
    assert len(tracks.objects) == 3
    present = {clips[number].present for number in range(12)}
    assert present == {0.0, 1.0}
    assert equal(training_clips(config, {}, None, cutouts, ["kept"])[3], clips[3])
    between = sum(map(name_share, ("cup_1", "cup_2"))) / 2
    (fewer,) = training_clips(config, {}, None, cutouts, ["kept"], between)._tracks
    assert len(fewer.objects) == 2


def test_a_configuration_of_another_seed_gives_other_clips(make_config, records):
    first, second = (training_clips(make_config(seed=seed), {records: 1})[0] for seed in (0, 1))
    assert not equal(first, second)
