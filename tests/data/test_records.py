import errno
import json
import os
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.config import from_dict
from rar_gluon.data import records
from rar_gluon.data.prepare import prepare
from rar_gluon.data.records import RecordTracks, seal, shard_file


@pytest.fixture
def dataset(tmp_path, texture):
    """Two sequences of six frames."""
    for seed, name in enumerate(("one", "two")):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        for index in range(6):
            cv2.imwrite(str(folder / f"{index:04d}.png"), texture(90, 120, 10 * seed + index))
        (folder / "groundtruth.txt").write_text("".join(f"{40 + 3 * index},30,24,16\n" for index in range(6)))
    return tmp_path / "data"


def test_threads_and_pickles(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "OPEN_READERS", 1)
    prepare("folder", dataset, tmp_path / "out")
    tracks = RecordTracks(tmp_path / "out")
    asked = [(number % 2, number % 6) for number in range(120)]
    alone = [tracks.picture(*position) for position in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda position: tracks.picture(*position), asked))
    again = pickle.loads(pickle.dumps(tracks))
    assert len(tracks._readers) == 1 and again.names == tracks.names
    for (picture, box), (other, other_box), position in zip(alone, together, asked):
        np.testing.assert_array_equal(picture, other)
        assert box == other_box == again.picture(*position)[1]


def test_damaged_records(dataset, tmp_path):
    out = tmp_path / "out"
    prepare("folder", dataset, out)
    tracks, record = RecordTracks(out), out / "shards" / "one.rec"
    record.write_bytes(b"\1" * record.stat().st_size)
    with pytest.raises(InputError, match="record 3 of one is damaged"):
        tracks.picture(0, 3)
    record.write_bytes(b"")
    with pytest.raises(InputError, match="the records of one in .* are damaged"):
        RecordTracks(out)
    shutil.rmtree(out / "shards")
    with pytest.raises(InputError, match="are damaged"):
        RecordTracks(out)


@pytest.fixture
def prepared(dataset, tmp_path):
    prepare("folder", dataset, tmp_path / "out", side=63)
    return tmp_path / "out"


def test_each_record_that_is_read_is_the_one_that_was_written(prepared):
    """A byte that flips in a JPEG usually still decodes, to other pixels."""
    tracks, record = RecordTracks(prepared), shard_file(prepared, "one", "rec")
    content = record.read_bytes()
    for place in range(100, len(content), len(content) // 8):
        record.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        refused = 0
        for index in range(6):
            try:
                tracks.picture(0, index)
            except InputError as error:
                assert "of one is damaged: run rar prepare again" in str(error)
                refused += 1
        assert refused == 1 or content[place : place + 1] == b"\0"  # or a byte that fills up to four


def test_a_damaged_idx(prepared):
    path = shard_file(prepared, "one", "idx")
    text = path.read_text()
    for damage in (text[:9] + "x" + text[10:], text.replace("\t", " "), "", text.replace("\t", "\t9"), "0\t-5\n"):
        path.write_text(damage)
        tracks = RecordTracks(prepared)
        try:
            for index in range(6):
                tracks.picture(0, index)
        except InputError as error:
            assert "of one is damaged: run rar prepare again" in str(error)
        else:
            assert damage == text.replace("\t", " ")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: "7",
        lambda text: "[" * 5000,
        lambda text: text.replace("24.0", "25.0", 1),
        lambda text: text.replace('"name": "one"', '"name": "two"', 1),
        lambda text: json.dumps({"shards": [{}]}),
        lambda text: json.dumps({"shards": [3]}),
        lambda text: json.dumps({"shards": json.loads(text)["shards"][0]["tracks"]}),
        lambda text: json.dumps({"shards": [resealed(json.loads(text)["shards"][0], keys=[0])]}),
        lambda text: json.dumps({"shards": [resealed(json.loads(text)["shards"][0], boxes=[[0, 0, 0, 0]] * 6)]}),
        lambda text: json.dumps({"shards": [resealed(json.loads(text)["shards"][0], frames="abcdef")]}),
    ],
)
def test_a_damaged_index(prepared, damage):
    path = prepared / "index.json"
    text = path.read_text()
    path.write_text(damage(text))
    assert path.read_text() != text
    with pytest.raises(InputError, match=r"run rar prepare again\.$"):
        RecordTracks(prepared)


def resealed(shard, **changes):
    """A shard that says something else of its first track, and says that it always did."""
    shard["tracks"][0].update(changes)
    return seal(shard)


def test_no_name_leads_out_of_the_folder(prepared, tmp_path):
    (tmp_path / "shards").mkdir()
    for suffix in ("rec", "idx"):
        shutil.copy(shard_file(prepared, "one", suffix), tmp_path / f"one.{suffix}")
    shard = json.loads((prepared / "index.json").read_text())["shards"][0]
    for name in ("../../one", "/etc/one", "a\0b", "x" * 5000, 7):
        (prepared / "index.json").write_text(json.dumps({"shards": [seal({**shard, "name": name})]}))
        with pytest.raises(InputError, match="run rar prepare again"):
            RecordTracks(prepared)


def test_records_must_fit_the_configuration(prepared):
    tracks = RecordTracks(prepared)
    tracks.check_fit(from_dict({"tracking": {"input_size": 63}}))
    for change, words in (
        ({"tracking": {"input_size": 127}}, "with side 63, less than tracking.input_size 127: prepare it with --side"),
        ({"tracking": {"padding": 3.0}}, "with padding 2.0, and tracking.padding is 3.0: prepare it with --padding 3"),
        ({"tracking": {"window": "margin"}}, "with window per-axis, and tracking.window is margin"),
        ({"training": {"shift_jitter": 2.0}}, "training.shift_jitter 2.0 and scale_jitter 0.05 reach beyond"),
    ):
        values = {"tracking": {"input_size": 63, **change.get("tracking", {})}, "training": change.get("training", {})}
        with pytest.raises(InputError, match=words):
            tracks.check_fit(from_dict(values))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE])
def test_records_that_may_not_be_opened_are_not_called_damaged(prepared, monkeypatch, refusal, number):
    """By this user, or by a process that has opened as many files as it may."""
    tracks = RecordTracks(prepared)

    def no(path, *_):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(records, "_open_shard", no)
    monkeypatch.setattr(Path, "open", no)
    assert refusal(tracks.picture, 0, 0).endswith(f"cannot be read: {os.strerror(number)}.")


@pytest.mark.parametrize("limit, most", [(1024, 64), (64, 8), (16, 1)])
def test_few_files_may_be_open(monkeypatch, limit, most):
    monkeypatch.setattr(records.resource, "getrlimit", lambda _: (limit, limit))
    assert records._most_readers() == most
