"""Every layout of results that toolkits write, as a made-up miniature."""

import json

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.benchmarks import read_benchmark
from rar_gluon.evaluation.benchmarks.results import find_trackers, read_result

BOXES = np.array([[1.0, 2, 30, 40], [2.5, 2, 30, 40], [3, 2, 30, 41]])
TEXT = "".join("{},{},{},{}\n".format(*box) for box in BOXES.tolist())
UAV = read_benchmark("uav123")


@pytest.fixture
def write(tmp_path):
    """Write texts to files of tmp_path."""

    def make(*names, text=TEXT):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


def shape(trackers):
    """Tracker: the sequences of each run."""
    return {name: [sorted(run) for run in runs] for name, runs in trackers.items()}


@pytest.mark.parametrize(
    "files, expected",
    [
        (["A/bike1.txt", "A/car1_1.txt", "B/Bike1.txt"], {"A": [["bike1", "car1_1"]], "B": [["bike1"]]}),  # pysot
        (["A/uav_bike1.txt", "A/uav_bike1_time.txt"], {"A": [["bike1"]]}),
        (["A/bike1.txt", "A/times/bike1.txt", "A/run.json"], {"A": [["bike1"]]}),  # ours
        (["A/bike1/bike1_001.txt", "A/bike1/bike1_time.txt", "A/car11/car11_001.txt"], {"A": [["bike1", "car11"]]}),
        (["A/bike1/bike1_001.txt", "A/bike1/bike1_002.txt"], {"A": [["bike1"], ["bike1"]]}),  # got10k
        (["A/default_000/uav_bike1.txt", "A/default_001/uav_bike1.txt"], {"A": [["bike1"], ["bike1"]]}),  # pytracking
        (["A/x_000/bike1.txt", "A/y_000/bike1.txt"], {"A/x": [["bike1"]], "A/y": [["bike1"]]}),
        (["A/UAV123/bike1.txt"], {"A": [["bike1"]]}),
    ],
)
def test_layouts(write, files, expected):
    assert shape(find_trackers(write(*files), UAV)) == expected


def test_the_folder_of_one_tracker(write):
    folder = write("A/bike1.txt", "B/default_000/bike1.txt", "B/default_001/bike1.txt")
    assert shape(find_trackers(folder / "A", UAV)) == {"A": [["bike1"]]}
    assert shape(find_trackers(folder / "B", UAV)) == {"default": [["bike1"], ["bike1"]]}


def test_what_is_no_result(write):
    folder = write("A/other.txt", "A/notes.md")
    with pytest.raises(InputError, match="holds no results of UAV123: RESULTS/TRACKER/SEQUENCE.txt is needed"):
        find_trackers(folder, UAV)
    with pytest.raises(InputError, match="is no folder"):
        find_trackers(folder / "nowhere", UAV)
    write("B/uav_bike1.txt", "B/BIKE1.txt")
    with pytest.raises(InputError, match="both stand for bike1"):
        find_trackers(folder, UAV)
    write("B/bike1.txt")
    assert find_trackers(folder, UAV)["B"][0]["bike1"].name == "bike1.txt"


@pytest.mark.parametrize("separator", [",", "\t", " ", ", "])
def test_texts(tmp_path, separator):
    (tmp_path / "a.txt").write_text(TEXT.replace(",", separator) + separator.join(["NaN"] * 4))
    boxes = read_result(tmp_path / "a.txt")
    assert np.array_equal(boxes[:3], BOXES) and np.isnan(boxes[3]).all()


@pytest.mark.parametrize(
    "content",
    [
        {"res": BOXES.tolist()},
        [{"res": BOXES.tolist(), "type": "rect", "len": 3}],
        {"res": BOXES.tolist(), "resType": "rect", "tmplsize": None},
        BOXES.tolist(),
        {"res": [[1, 2, 31, 2, 31, 42, 1, 42], *[[0] * 8] * 2], "type": "4corner"},
        {"res": [BOXES[0].tolist(), None, [float("nan")] * 4]},
    ],
)
def test_json(tmp_path, content):
    (tmp_path / "bike1.json").write_text(json.dumps(content))
    boxes = read_result(tmp_path / "bike1.json")
    assert boxes.shape == (3, 4) and boxes[0].tolist() == [1, 2, 30, 40]


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        3,
        {"res": [[1, 2]]},
        {"res": "x"},
        {"res": [[1e999, 1, 1, 1]]},
        {"res": BOXES.tolist(), "type": "affine"},
    ],
)
def test_json_of_something_else(tmp_path, content):
    (tmp_path / "bike1.json").write_text(json.dumps(content))
    with pytest.raises(InputError):
        read_result(tmp_path / "bike1.json")


def test_matlab(tmp_path):
    """OTB's `results{1}.res`, of several trackers in one folder."""
    scipy = pytest.importorskip("scipy.io")
    cell = np.empty((1, 1), object)
    cell[0, 0] = {"res": BOXES, "type": "rect", "len": 3.0}
    for name in ("bike1_KCF", "car1_1_KCF", "bike1_TLD"):
        scipy.savemat(tmp_path / f"{name}.mat", {"results": cell})
    trackers = find_trackers(tmp_path, UAV)
    assert shape(trackers) == {"KCF": [["bike1", "car1_1"]], "TLD": [["bike1"]]}
    assert np.array_equal(read_result(trackers["TLD"][0]["bike1"]), BOXES)
    (tmp_path / "bike1_TLD.mat").write_bytes(b"no file of MATLAB")
    with pytest.raises(InputError, match="cannot be read as a .mat file"):
        read_result(tmp_path / "bike1_TLD.mat")
