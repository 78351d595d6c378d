import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.synthetic import SyntheticTracks, as_sources


def test_interface(make_tracks, size):
    tracks = make_tracks()
    assert len(tracks) == 200 and tracks.names[17] == "synthetic-000017"
    numbers = tracks.frames(17)
    picture, box = tracks.picture(17, 2)
    sequence = tracks.sequence(17)
    assert picture.shape == (*size, 3) and picture.dtype == np.uint8
    assert len(box) == 4 and box == tuple(sequence.boxes[numbers[2]])
    assert sequence.name == "synthetic-000017" and len(sequence) == len(sequence.frames) == 20
    np.testing.assert_array_equal(sequence.frames[int(numbers[2])], picture)
    assert [frame.shape for frame in sequence.frames] == [(*size, 3)] * 20
    np.testing.assert_array_equal(sequence.frames[-1], list(sequence.frames)[-1])
    with pytest.raises(IndexError):
        sequence.frames[20]
    assert tracks.frames(0).max() < 20 and all(len(tracks.frames(track)) >= 10 for track in range(30))


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


@pytest.mark.parametrize("length", [1, 2])
def test_short_sequences(make_tracks, length, size):
    tracks = make_tracks(length=length)
    for track in range(10):
        assert len(tracks.frames(track)) == length
        assert tracks.picture(track, length - 1)[0].shape == (*size, 3)


def test_bad_input(make_tracks, texture, disc):
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
            as_sources([cutout])


@pytest.mark.skipif(not (find_spec("skimage") and find_spec("skvideo")), reason="needs the extra 'train'")
def test_a_frame_takes_milliseconds():
    tracks = SyntheticTracks()
    tracks.scene(1)
    seconds = []
    for frame in range(40):
        start = time.thread_time()
        tracks.render(1, frame)
        seconds.append(time.thread_time() - start)
    assert np.median(seconds) < 0.012
