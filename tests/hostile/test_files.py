"""Binary files of ours, damaged anywhere: what is read is what was written, or it is refused."""

import shutil

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rar_gluon.config import from_dict, to_dict
from rar_gluon.data.prepare import prepare
from rar_gluon.data.records import RecordTracks, read_shard
from rar_gluon.net.weights import read_weights, save_arrays

DAMAGES = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "drop", "insert", "zero"]), st.floats(0, 1), st.integers(1, 255)),
    min_size=1,
    max_size=3,
)


def damaged(content, damages):
    for kind, place, value in damages:
        at = int(place * max(0, len(content) - 1))
        if kind == "flip" and content:
            content = content[:at] + bytes([content[at] ^ value]) + content[at + 1 :]
        elif kind == "cut":
            content = content[:at]
        elif kind == "drop":
            content = content[:at] + content[at + value :]
        elif kind == "insert":
            content = content[:at] + bytes([value]) * value + content[at:]
        elif kind == "zero":
            content = content[:at] + bytes(value) + content[at + value :]
    return content


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small.npz"
    rng = np.random.default_rng(0)
    arrays = {f"backbone.{name}": rng.normal(size=(3, 4)).astype(np.float32) for name in "ab"}
    save_arrays(path, arrays, {"network": to_dict(from_dict({}))["network"]}, "backbone")
    return path, arrays, path.read_bytes()


@given(DAMAGES)
def test_damaged_weights(answer, weights, damages):
    path, arrays, content = weights
    path.write_bytes(damaged(content, damages))
    file = answer(read_weights, path)
    if file is not None:  # arrays may be hidden by a damaged directory; what is there is right
        assert all(np.array_equal(array, arrays[name]) for name, array in file.arrays.items())
        assert file.config["network"] == to_dict(from_dict({}))["network"]


ARRAYS = st.one_of(
    st.lists(st.floats(width=32), max_size=3).map(lambda values: np.array(values, np.float32)),
    st.lists(st.integers(-9, 9), max_size=3).map(np.array),
    st.text(max_size=20).map(np.array),
    st.sampled_from([np.array([1 + 2j]), np.array([b"x"]), np.array([1], "M8[s]"), np.zeros((0, 3)), np.array(1e300)]),
)
NAMES = st.sampled_from(["config", "network", "holds", "backbone.a", "backbone.bn1.running_var", "../up", "a/b", ""])


@given(st.dictionaries(NAMES, ARRAYS, max_size=4), st.booleans())
def test_foreign_arrays(answer, scratch, arrays, usual):
    path = scratch / "foreign.npz"
    if usual:
        arrays = {"network": np.array("{stride: 16}"), "holds": np.array("network"), **arrays}
    np.savez(path, **arrays)
    file = answer(read_weights, path)
    if file is not None:
        assert all(np.isfinite(array).all() for array in file.arrays.values())


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """A prepared folder of one short sequence, its files and its pictures."""
    folder = tmp_path_factory.mktemp("records")
    (folder / "data" / "one").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(3):
        cv2.imwrite(str(folder / "data" / "one" / f"{index}.png"), rng.integers(0, 255, (40, 50, 3)).astype(np.uint8))
    (folder / "data" / "one" / "groundtruth.txt").write_text("10,10,8,9\n" * 3)
    prepare("folder", folder / "data", folder / "out", side=16)
    shutil.rmtree(folder / "data")
    files = {path: path.read_bytes() for path in sorted((folder / "out").rglob("*")) if path.is_file()}
    tracks = RecordTracks(folder / "out")
    return folder / "out", files, [tracks.picture(0, index)[0] for index in range(3)], read_shard(folder / "out", "one")


@given(st.sampled_from(["one.rec", "one.idx", "one.json", "index.json", "prepare.json"]), DAMAGES)
def test_damaged_records(answer, records, name, damages):
    out, files, pictures, sealed = records
    for path, content in files.items():
        path.write_bytes(damaged(content, damages) if path.name == name else content)
    shard = read_shard(out, "one")
    assert shard is None or shard == sealed  # sealed: what is damaged in it is not read
    tracks = answer(RecordTracks, out)
    for index in range(len(tracks.frames(0)) if tracks is not None and len(tracks) else 0):
        record = answer(tracks.picture, 0, index)
        assert record is None or np.array_equal(record[0], pictures[index])
