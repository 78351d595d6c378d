"""Results in other toolkits' layouts, read back as those toolkits read them."""

import numpy as np
import pytest

from rar_gluon.cli import main
from rar_gluon.common import InputError
from rar_gluon.data.benchmarks import read_benchmark
from rar_gluon.data.sequence import write_boxes
from rar_gluon.evaluation.benchmarks.results import find_trackers, read_result
from rar_gluon.evaluation.layouts import got10k_name, write_layout

COUNTS = {"Deer": 71, "Jogging-2": 307, "Tiger1": 349}


@pytest.fixture
def runs(tmp_path):
    """One pass over three sequences, and a supervised run."""
    folder, rng = tmp_path / "runs" / "mine", np.random.default_rng(0)
    boxes = {name: rng.uniform(1, 99, (count, 4)) for name, count in COUNTS.items()}
    for name, values in boxes.items():
        write_boxes(folder / f"{name}.txt", values)
        (folder / "times").mkdir(exist_ok=True)
        (folder / "times" / f"{name}.txt").write_text("0.010000\n" * len(values))
    (folder / "baseline" / "ants1").mkdir(parents=True)
    (folder / "baseline" / "ants1" / "ants1_001.txt").write_text("1\n1.5,2,3,4\n2\n0\n")
    return folder, boxes


def read_as_pysot(path):
    """As its toolkit/datasets does: floats between commas, line by line."""
    with open(path) as file:
        return [list(map(float, line.strip().split(","))) for line in file.readlines()]


def test_pysot_reads_them(runs, tmp_path):
    folder, boxes = runs
    write_layout(folder, tmp_path / "results", "pysot", "OTB100")
    place = tmp_path / "results" / "OTB100" / "mine"
    for name, values in boxes.items():
        np.testing.assert_array_equal(read_as_pysot(place / f"{name}.txt"), values)
    assert read_as_pysot(place / "baseline" / "ants1" / "ants1_001.txt") == [[1], [1.5, 2, 3, 4], [2], [0]]


def test_got10k_reads_them(runs, tmp_path, capsys):
    """As its ExperimentOTB.report does; Tiger1 has 354 frames there."""
    folder, boxes = runs
    options = ["--layout", "got10k", "--benchmark", "OTB2015", "--output", str(tmp_path / "results")]
    assert main(["results", str(folder), *options]) == 0 and "4 files of mine" in capsys.readouterr().out
    place = tmp_path / "results" / "OTB2015" / "mine"
    for name, ours, frames in (("Deer", "Deer", 71), ("Jogging.2", "Jogging-2", 307), ("Tiger1", "Tiger1", 354)):
        read = np.loadtxt(place / f"{name}.txt", delimiter=",")
        assert len(read) == frames and np.isnan(read[: frames - len(boxes[ours])]).all()
        np.testing.assert_array_equal(read[-len(boxes[ours]) :], boxes[ours])
        times = np.loadtxt(place / "times" / f"{name}_time.txt")
        assert len(times) == frames and set(times[times > 0]) == {0.01}


def test_names_of_got10k():
    names = ("Jogging-1", "Skating2-2", "Human4-2", "Deer", "mine")
    assert [got10k_name(name) for name in names] == ["Jogging.1", "Skating2.2", "Human4", "Deer", "mine"]


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match="holds no results"):
        write_layout(tmp_path, tmp_path / "out", "pysot", "OTB100")
    with pytest.raises(InputError, match="'vot' is no layout: choose one of pysot, got10k"):
        write_layout(tmp_path, tmp_path / "out", "vot", "OTB100")


def test_what_got10ks_server_takes(tmp_path):
    """SEQUENCE/SEQUENCE_001.txt and SEQUENCE_time.txt, read as its ExperimentGOT10k.report does."""
    name, boxes = "GOT-10k_Test_000001", np.arange(1.0, 13).reshape(3, 4)
    write_boxes(tmp_path / "mine" / f"{name}.txt", boxes)
    (tmp_path / "mine" / "times").mkdir()
    (tmp_path / "mine" / "times" / f"{name}.txt").write_text("0.5\n0.25\n0.125\n")
    (written,) = write_layout(tmp_path / "mine", tmp_path / "out", "got10k", "GOT-10k")
    assert written == tmp_path / "out" / "GOT-10k" / "mine" / name / f"{name}_001.txt"
    assert np.array_equal(np.loadtxt(written, delimiter=","), boxes)
    assert np.loadtxt(written.with_name(f"{name}_time.txt"), delimiter=",").tolist() == [0.5, 0.25, 0.125]


def test_pytracking_reads_them(runs, tmp_path):
    """Tabs, a folder a run, and the data set's prefix; and what is written is found again."""
    boxes = np.arange(1.0, 13).reshape(3, 4)
    write_boxes(tmp_path / "mine" / "bike1.txt", boxes)
    (written,) = write_layout(tmp_path / "mine", tmp_path / "out", "pytracking", "uav")
    assert written == tmp_path / "out" / "uav" / "mine" / "default_000" / "uav_bike1.txt"
    assert np.array_equal(np.loadtxt(written, delimiter="\t"), boxes)
    trackers = find_trackers(tmp_path / "out" / "uav", read_benchmark("uav123"))
    assert np.array_equal(read_result(trackers["mine"][0]["bike1"]), boxes)
