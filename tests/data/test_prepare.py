import json

import cv2
import numpy as np
import pytest

from rar_gluon import geometry
from rar_gluon.common import InputError, owned
from rar_gluon.data import prepare as preparing
from rar_gluon.data.prepare import cut_region, prepare, visible
from rar_gluon.data.records import RecordTracks

RED, BLUE = (30, 30, 220), (220, 60, 30)
OBJECT = """<object><trackid>{}</trackid><name>n02084071</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>
<ymax>{}</ymax></bndbox></object>"""
SNIPPETS = [f"train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_0000000{index}" for index in range(2)]


def draw(shape, *targets):
    """A grey frame with filled rectangles, (box, colour) each."""
    frame = np.full((*shape, 3), 120, np.uint8)
    for (x, y, w, h), colour in targets:
        frame[max(y, 0) : y + h, max(x, 0) : x + w] = colour
    return frame


def write_sequence(folder, boxes, frames):
    """Write PNG images and groundtruth.txt; None: no box."""
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number:04d}.png"), frame)
    lines = ["NaN,NaN,NaN,NaN" if box is None else ",".join(map(str, box)) for box in boxes]
    (folder / "groundtruth.txt").write_text("\n".join(lines))


@pytest.fixture
def dataset(tmp_path):
    """Two sequences of six frames, a red target that moves on grey."""
    for name, step in (("one", 4), ("two", 7)):
        boxes = [(60 + step * index, 40, 24, 16) for index in range(6)]
        write_sequence(tmp_path / "data" / name, boxes, [draw((120, 160), (box, RED)) for box in boxes])
    return tmp_path / "data"


def files(out):
    return {path.name: path.stat().st_mtime_ns for path in sorted((out / "shards").iterdir())}


def assert_points_at(picture, box, colour):
    """The picture has the colour within the box and grey around it."""
    x, y, w, h = (round(value) for value in box)
    inside = picture[y + 2 : y + h - 2, x + 2 : x + w - 2].astype(int)
    assert inside.size and np.abs(inside - colour).max() < 40
    ring = picture[y - 5 : y + h + 5, x - 5 : x + w + 5].astype(int)
    ring[3:-3, 3:-3] = 120
    assert np.abs(ring - 120).max() < 40


def test_boxes_point_at_the_target(dataset, tmp_path):
    summary = prepare("folder", dataset, tmp_path / "out", side=63)
    assert summary.counts == {
        "frames": 12,
        "objects": 12,
        "absent": 0,
        "kept": 12,
        "tiny": 0,
        "outside": 0,
        "broken": 0,
    }
    assert summary.shards == 2 and summary.made == 12 and not summary.failures and not summary.problems
    assert "12 of 12 objects kept" in summary.text()
    tracks = RecordTracks(tmp_path / "out")
    assert tracks.names == ["one", "two"] and len(tracks) == 2
    for track in range(2):
        np.testing.assert_array_equal(tracks.frames(track), range(6))
        for index in range(6):
            picture, box = tracks.picture(track, index)
            assert picture.dtype == np.uint8 and box[2] > 20 and abs(box[2] / box[3] - 1.5) < 0.02
            assert_points_at(picture, box, RED)


@pytest.mark.parametrize("box", [(70, 50, 24, 16), (70.3, 50.7, 16, 40), (-5, 100, 24, 16), (150, 2, 20, 20)])
def test_windows_of_picture_and_frame_agree(texture, box):
    """Whatever training cuts from the picture, it would have cut from the frame, the repeated border included."""
    frame = texture(120, 160, seed=3)
    picture, inside = cut_region(frame, box, 255, 2.0)
    of_frame, of_picture = (geometry.window_of(target, 2.0, "square") for target in (box, inside))
    windows = [of_frame, *geometry.context_windows(of_frame, box)]
    part = [of_picture, *geometry.context_windows(of_picture, inside)]
    for one, two in zip(windows, part):
        np.testing.assert_array_equal(geometry.crop(frame, one, 63), geometry.crop(picture, two, 63))


def test_shrunk_windows_agree(texture):
    frame = texture(480, 640, seed=4, grain=32)
    for box in ((200, 150, 120, 90), (560, 400, 100, 100)):
        picture, inside = cut_region(frame, box, 127, 2.0, "square")
        of_frame, of_picture = (geometry.window_of(target, 2.0, "square") for target in (box, inside))
        assert 127 <= of_picture.width < 128  # whole pixels
        cuts = geometry.crop(frame, of_frame, 127).astype(int), geometry.crop(picture, of_picture, 127).astype(int)
        assert np.abs(cuts[0] - cuts[1]).mean() < 2  # of 255; the border's repetition included
    small, _ = cut_region(frame, (300, 200, 20, 20), 255, 2.0)
    assert small.shape == (110, 110, 3)  # (3 * 20 + 2 * 20) * 1.1, not enlarged


def test_picture_is_the_frame_within_jpeg(tmp_path, texture):
    frames, box = [texture(120, 160, seed=seed, grain=16) for seed in range(2)], (60, 50, 30, 20)
    write_sequence(tmp_path / "data" / "a", [box] * 2, frames)
    prepare("folder", tmp_path / "data", tmp_path / "out")
    tracks = RecordTracks(tmp_path / "out")
    for index, frame in enumerate(frames):
        picture, inside = tracks.picture(0, index)
        direct, expected = cut_region(frame, box, 255, 2.0)
        np.testing.assert_allclose(inside, expected, atol=1e-3)
        assert picture.shape == direct.shape
        assert np.abs(picture.astype(int) - direct).mean() < 3


def test_what_is_left_out(tmp_path):
    boxes = [(40, 40, 20, 20), None, (40, 40, 3, 20), (-15, 40, 20, 20), (40, 40, 20, 20), (44, 40, 20, 20)]
    frames = [draw((90, 120), (box or (0, 0, 0, 0), RED)) for box in boxes]
    folder = tmp_path / "data" / "a"
    write_sequence(folder, boxes, frames)
    (folder / "0004.png").write_bytes(b"no image")
    summary = prepare("folder", tmp_path / "data", tmp_path / "out")
    assert summary.counts == {"frames": 6, "objects": 5, "absent": 1, "kept": 2, "tiny": 1, "outside": 1, "broken": 1}
    assert summary.problems == ("a",) and not summary.failures and "problems.txt" in summary.text()
    problems = (tmp_path / "out" / "problems.txt").read_text().splitlines()
    assert [line.split(":")[0] for line in problems[1:]] == ["a"] * 3 and len(problems) == 4
    assert "0004.png cannot be read as an image" in problems[0]
    assert "a side below 4 pixels, the first in frame 2" in problems[1]
    np.testing.assert_array_equal(RecordTracks(tmp_path / "out").frames(0), [0, 5])
    assert visible((-15, 40, 20, 20), (90, 120)) == 0.25 and visible((0, 0, 20, 20), (90, 120)) == 1


def test_other_size_and_every(tmp_path):
    box = (40, 40, 20, 20)
    frames = [draw((90, 120), (box, RED)) for _ in range(6)]
    frames[2] = draw((90, 130), (box, RED))
    write_sequence(tmp_path / "data" / "a", [box] * 6, frames)
    summary = prepare("folder", tmp_path / "data", tmp_path / "out", every=2)
    assert summary.counts["frames"] == 3 and summary.counts["broken"] == 1
    assert "frame 2 has another size" in (tmp_path / "out" / "problems.txt").read_text()
    np.testing.assert_array_equal(RecordTracks(tmp_path / "out").frames(0), [0, 4])


def test_video_that_ends_early(tmp_path, write_video, write_rows, monkeypatch):
    video = write_video(tmp_path / "data" / "a.avi", 8)
    write_rows(tmp_path / "data" / "a.txt", 8, "{},2,12,10")
    data = video.read_bytes()
    start = data.index(b"movi")
    video.write_bytes(data[: start + (len(data) - start) // 2])
    monkeypatch.setattr("rar_gluon.data.folder.count_frames", lambda frames, expected: expected)  # as a header may say
    summary = prepare("folder", tmp_path / "data", tmp_path / "out")
    kept = summary.counts["kept"]
    assert 2 <= kept < 8 and summary.counts["broken"] == 8 - kept
    assert f"only {kept} of its frames can be decoded" in (tmp_path / "out" / "problems.txt").read_text()
    assert len(RecordTracks(tmp_path / "out").frames(0)) == kept


@pytest.fixture
def vid_root(tmp_path):
    """Two snippets of four frames: a red object in all, a blue one in the first and the last two."""
    for snippet in SNIPPETS:
        images, notes = (tmp_path / "vid" / kind / "VID" / snippet for kind in ("Data", "Annotations"))
        images.mkdir(parents=True)
        notes.mkdir(parents=True)
        for index in range(4):
            seen = [(0, (50 + index, 40, 20, 24), RED)] + ([(1, (110, 60 + index, 30, 20), BLUE)] if index != 1 else [])
            cv2.imwrite(str(images / f"{index:06d}.JPEG"), draw((140, 200), *((box, c) for _, box, c in seen)))
            objects = "".join(OBJECT.format(t, x, y, x + w - 1, y + h - 1) for t, (x, y, w, h), _ in seen)
            size = "<size><width>200</width><height>140</height></size>"
            (notes / f"{index:06d}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    return tmp_path / "vid"


def test_vid_with_a_broken_image(vid_root, tmp_path, monkeypatch):
    (vid_root / "Data" / "VID" / SNIPPETS[1] / "000002.JPEG").write_bytes(b"")
    read, count = preparing.ImageFolder.__getitem__, []
    monkeypatch.setattr(preparing.ImageFolder, "__getitem__", lambda self, i: count.append(i) or read(self, i))
    summary = prepare("vid", vid_root, tmp_path / "out", side=95)
    assert count == [0, 1, 2, 3] * 2  # each image once for both its tracks
    assert summary.counts["absent"] == 2 and summary.counts["broken"] == 2 and summary.counts["kept"] == 12
    assert summary.problems == (SNIPPETS[1],)
    tracks = RecordTracks(tmp_path / "out")
    assert tracks.names == [f"{snippet}/{track}" for snippet in SNIPPETS for track in (0, 1)]
    assert [tracks.frames(track).tolist() for track in range(4)] == [[0, 1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 3]]
    for track in range(4):
        for index in range(len(tracks.frames(track))):
            assert_points_at(*tracks.picture(track, index), BLUE if track % 2 else RED)
    shard = json.loads((tmp_path / "out" / "shards" / f"{SNIPPETS[0].replace('/', '__')}.json").read_text())
    assert shard["tracks"][0]["attributes"] == ["n02084071"]


def test_snippet_without_objects(vid_root, tmp_path):
    for note in (vid_root / "Annotations" / "VID" / SNIPPETS[0]).iterdir():
        note.write_text("<annotation><size><width>200</width><height>140</height></size></annotation>")
    summary = prepare("vid", vid_root, tmp_path / "out")
    assert summary.shards == 2 and not summary.failures and len(RecordTracks(tmp_path / "out")) == 2


def test_goes_on_where_it_stopped(dataset, tmp_path, monkeypatch):
    out = tmp_path / "out"
    write = preparing._write_objects

    def interrupted(writer, sequences, settings):
        shard = write(writer, sequences, settings)
        if sequences[0].name == "two":
            raise KeyboardInterrupt
        return shard

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(preparing, "_write_objects", interrupted)
        prepare("folder", dataset, out)
    before = files(out)
    assert sorted(before) == ["one.idx", "one.json", "one.rec"]
    with pytest.raises(InputError, match=r"no index.json: prepare it with rar prepare, to its end"):
        RecordTracks(out)
    assert prepare("folder", dataset, out).made == 6
    after = files(out)
    assert len(after) == 6 and all(after[name] == before[name] for name in before)

    for damage in ("two.json", "two.rec", "two.idx"):
        path = out / "shards" / damage
        path.write_bytes(path.read_bytes()[:-9])
        summary = prepare("folder", dataset, out)
        assert summary.made == 6 and summary.counts["kept"] == 12, damage
        (out / "shards" / damage).unlink()
        assert prepare("folder", dataset, out).made == 6
    assert all(files(out)[name] == before[name] for name in before)
    assert prepare("folder", dataset, out).made == 0


def test_one_that_cannot_be_read(dataset, tmp_path, monkeypatch):
    truth = dataset / "two" / "groundtruth.txt"
    text = truth.read_text()
    truth.write_text("1,2,3,4")
    summary = prepare("folder", dataset, tmp_path / "out")
    assert summary.shards == 1 and len(summary.failures) == 1 and "has 1 boxes for 6 frames" in summary.text()
    assert RecordTracks(tmp_path / "out").names == ["one"]
    truth.write_text(text)
    with monkeypatch.context() as patch:
        patch.setattr(preparing, "cut_region", None)
        assert "TypeError" in prepare("folder", dataset, tmp_path / "out").failures[0]
    assert prepare("folder", dataset, tmp_path / "out").made == 6


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_a_record_that_is_damaged_in_the_middle_is_cut_again(dataset, tmp_path):
    """Every byte of the records and of what is said of them counts: prepare finds it, says so and mends it."""
    out = tmp_path / "out"
    prepare("folder", dataset, out)
    shards = {path.name: path.read_bytes() for path in (out / "shards").iterdir()}
    index = (out / "index.json").read_bytes()
    for name, place in (("one.rec", 700), ("one.rec", -300), ("one.idx", 9), ("one.json", 200), ("one.json", 20)):
        flip(out / "shards" / name, place)
        assert prepare("folder", dataset, out).made == 6, (name, place)
        assert {path.name: path.read_bytes() for path in (out / "shards").iterdir()} == shards
        assert (out / "index.json").read_bytes() == index


def test_windows_of_each_axis(dataset, tmp_path):
    """The picture of a long target shows its window, that is cut to its own sides, and is not enlarged."""
    frame = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    box = (110, 90, 60, 12)
    picture, inside = cut_region(frame, box, 255, 2.0, "per-axis")
    of_frame, of_picture = (geometry.window_of(target, 2.0, "per-axis") for target in (box, inside))
    np.testing.assert_array_equal(geometry.crop(frame, of_frame, 63), geometry.crop(picture, of_picture, 63))
    prepare("folder", dataset, tmp_path / "out", window="margin")
    with pytest.raises(InputError, match="was prepared with window margin, not per-axis"):
        prepare("folder", dataset, tmp_path / "out")


@pytest.mark.parametrize("box", [(1000, 10, 20, 20), (-900, 10, 20, 20), (10, 900, 20, 20), (10, -900, 20, 20)])
def test_a_box_far_outside_is_refused(box):
    with pytest.raises(InputError, match=r"is far outside of its frame: leave it out\.$"):
        cut_region(np.zeros((90, 120, 3), np.uint8), box, 63, 2.0)


def test_index_holds_what_was_named_last(dataset, tmp_path):
    prepare("folder", dataset, tmp_path / "out")
    assert prepare("folder", dataset, tmp_path / "out", exclude=["one"]).made == 0
    assert RecordTracks(tmp_path / "out").names == ["two"]
    prepare("folder", dataset, tmp_path / "out", sequences=["one"])
    assert RecordTracks(tmp_path / "out").names == ["one"]


def test_what_was_left_out_is_not_added_by_silence(dataset, tmp_path, refusal):
    """It may be kept for validation. Whoever names it wants it."""
    out = tmp_path / "out"
    prepare("folder", dataset, out, exclude=["one"])
    index = (out / "index.json").read_bytes()
    assert "prepared without one: give --exclude one again" in refusal(prepare, "folder", dataset, out)
    assert (out / "index.json").read_bytes() == index
    assert prepare("folder", dataset, out, exclude=["one"]).made == 0
    prepare("folder", dataset, out, sequences=["one", "two"])
    assert prepare("folder", dataset, out).made == 0 and RecordTracks(out).names == ["one", "two"]


@pytest.mark.parametrize("changed", ["boxes", "frames", "root"])
def test_records_are_of_the_data_that_has_the_name_now(dataset, tmp_path, changed):
    out, truth = tmp_path / "out", dataset / "one" / "groundtruth.txt"
    prepare("folder", dataset, out)
    if changed == "root":
        dataset = dataset.rename(tmp_path / "moved")
    elif changed == "boxes":
        truth.write_text(truth.read_text().replace("60,40,24,16", "61,40,24,16"))
    else:
        cv2.imwrite(str(dataset / "one" / "0003.png"), np.full((120, 160, 3), 7, np.uint8))
    assert prepare("folder", dataset, out).made == (0 if changed == "root" else 6)


def test_two_that_prepare_into_one_folder(dataset, tmp_path, refusal):
    with owned(tmp_path / "out"):
        assert "another process is writing" in refusal(prepare, "folder", dataset, tmp_path / "out")
    prepare("folder", dataset, tmp_path / "out")


def test_what_is_refused(dataset, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match="'otb' is no dataset that can be prepared"):
        prepare("otb", dataset, out)
    with pytest.raises(InputError, match="--workers is 0"):
        prepare("folder", dataset, out, workers=0)
    with pytest.raises(InputError, match="no sequence named three"):
        prepare("folder", dataset, out, exclude=["three"])
    with pytest.raises(InputError, match="no sequence of .* is left"):
        prepare("folder", dataset, out, exclude=["one", "two"])
    assert not out.exists()
    prepare("folder", dataset, out)
    with pytest.raises(InputError, match="was prepared with side 255, not 127: give another folder"):
        prepare("folder", dataset, out, side=127)
    (out / "prepare.json").write_text("{")
    with pytest.raises(InputError, match=r"prepare.json is damaged"):
        prepare("folder", dataset, out)


@pytest.mark.slow
def test_processes_write_the_same(dataset, tmp_path):
    for workers in (1, 2):
        prepare("folder", dataset, tmp_path / str(workers), workers=workers)
    for name in files(tmp_path / "1"):
        assert (tmp_path / "1" / "shards" / name).read_bytes() == (tmp_path / "2" / "shards" / name).read_bytes()


def test_processes_write_where_they_are_told_to_after_a_change_of_folder(dataset, tmp_path, monkeypatch):
    """Worker processes of an earlier call are reused."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert not prepare("folder", dataset, "out", workers=2).failures
        assert RecordTracks("out").names == ["one", "two"]
