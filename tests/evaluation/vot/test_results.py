import dataclasses

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.evaluation.vot.results import (
    FAILED,
    INITIALISED,
    SKIPPED,
    TRACKED,
    Trajectory,
    read_results,
    read_trajectory,
    tracker_folders,
    write_trajectory,
)

NAN = float("nan")


@pytest.mark.parametrize("width", [4, 8])
def test_trajectory_round_trip(tmp_path, width):
    codes = np.array([INITIALISED, TRACKED, TRACKED, FAILED, SKIPPED, SKIPPED, SKIPPED, SKIPPED, INITIALISED])
    regions = np.full((9, width), NAN)
    regions[1:3] = np.random.default_rng(0).normal(100, 1 / 3, (2, width))
    run = Trajectory(codes, regions)
    write_trajectory(tmp_path / "run.txt", run)
    read = read_trajectory(tmp_path / "run.txt", 9)
    assert read.equals(run) and not read.equals(dataclasses.replace(run, regions=regions + 1))
    np.testing.assert_array_equal(read.regions, regions)


def test_results_of_other_toolkits_are_read(tmp_path):
    path = tmp_path / "run.txt"
    path.write_text("1.0000\n1,2,3,4\n1e1,2,30,2,30,5,1e1,5\nNaN,NaN,NaN,NaN\n2.0\n0\n")
    run = read_trajectory(path)
    assert run.codes.tolist() == [1, -1, -1, 0, 2, 0]
    np.testing.assert_array_equal(run.regions[1:3], [[1, 2, 4, 2, 4, 6, 1, 6], [10, 2, 30, 2, 30, 5, 10, 5]])


@pytest.mark.parametrize(
    "text, words",
    [
        ("1\n1,2,3\n", "line 2: '1,2,3' is none of"),
        ("1\n3\n", "line 2: '3' is none of"),
        ("1\n\n", "line 2: '' is none of"),
        ("1\nm0,0,2,2,0,4\n", "line 2: 'm0,0,2,2,0,4' is none of"),
        ("1,2,3,4\n1,2,3,4\n", "does not begin with 1"),
        ("", "does not begin with 1"),
    ],
)
def test_files_that_are_no_results(tmp_path, text, words):
    (tmp_path / "run.txt").write_text(text)
    with pytest.raises(InputError, match=words):
        read_trajectory(tmp_path / "run.txt")


def test_missing_results(tmp_path):
    with pytest.raises(InputError, match="absent.txt cannot be read"):
        read_trajectory(tmp_path / "absent.txt")
    with pytest.raises(InputError, match="holds no tracker"):
        tracker_folders(tmp_path)
    with pytest.raises(InputError, match="holds no results"):
        read_results(tmp_path, "seq", 2)
    place = tmp_path / "baseline" / "seq"
    place.mkdir(parents=True)
    (place / "seq_001.bin").write_bytes(b"\x01\x00")
    with pytest.raises(InputError, match="VOT_RESULTS_BINARY=0"):
        read_results(tmp_path, "seq", 2)
    assert tracker_folders(tmp_path) == {tmp_path.name: tmp_path}
    assert tracker_folders(tmp_path.parent)[tmp_path.name] == tmp_path
