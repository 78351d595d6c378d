import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.evaluation.otb.results import read_results, tracker_folders


@pytest.fixture
def results(write_folder, truth_of):
    write_folder("runs/b", {"deer.txt": truth_of("Deer")})
    return write_folder("runs/a", {"Deer.txt": truth_of("Deer"), "Jogging_1.txt": truth_of("Jogging-1")}).parent


def test_trackers_are_the_folders_in_order(results):
    (results / ".hidden").mkdir()
    (results / "notes.txt").write_text("1,2,3,4\n")  # of no sequence
    assert tracker_folders(results) == {"a": results / "a", "b": results / "b"}
    assert tracker_folders(results / "a") == {"a": results / "a"}
    assert tracker_folders(results, ["notes"]) == {"runs": results}  # of a folder with a sequence of that name


def test_boxes_by_the_benchmarks_names(results, truth_of):
    boxes, missing = read_results(results / "a", ["Jogging-1", "Deer"])
    assert list(boxes) == ["Jogging-1", "Deer"] and missing == ()
    np.testing.assert_array_equal(boxes["Jogging-1"], truth_of("Jogging-1"))
    boxes, missing = read_results(results / "b", ["Jogging-1", "Deer"], allow_missing=True)
    assert list(boxes) == ["Deer"] and missing == ("Jogging-1",)


def test_what_is_missing_is_named_with_the_way_on(results):
    names = [f"Jogging-{number}" for number in (1, 2)] + ["Deer"]
    with pytest.raises(InputError, match=r"b lacks 2 of 3 sequences \(Jogging-1, Jogging-2\): --allow-missing"):
        read_results(results / "b", names)
    with pytest.raises(InputError, match="lacks 1 of 1"):
        read_results(results / "b", ["Skiing"], allow_missing=True)


def test_a_file_that_is_no_text(results):
    (results / "b" / "deer.txt").write_bytes(b"\xff\xfe\x00\x01\n")
    with pytest.raises(InputError, match=r"deer\.txt, line 1"):
        read_results(results / "b", ["Deer"])
