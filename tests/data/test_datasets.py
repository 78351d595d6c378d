import pytest

from rar_gluon.common import InputError
from rar_gluon.data.benchmarks import NAMES
from rar_gluon.data.datasets import DATASETS, PREPARED, load_sequences, split_names


def test_the_table():
    assert PREPARED == ("otb2013", "tb50", "otb2015", "vid", "folder")
    vot = ["vot2016", "vot2017", "vot2018", "vot2019"]
    assert list(DATASETS) == ["otb2013", "tb50", "otb2015", *vot, *NAMES, "vid", "folder"]


@pytest.mark.parametrize("text, names", [("A", ["A"]), ("A,B", ["A", "B"]), (" A, B ,", ["A", "B"]), (",", [])])
def test_names_apart(text, names):
    assert split_names(text) == names


@pytest.fixture
def root(tmp_path, write_images, write_rows):
    for name in ("A", "B"):
        write_images(tmp_path / name, ["1.png", "2.png"])
        write_rows(tmp_path / name / "groundtruth.txt", 2)
    return tmp_path


@pytest.mark.parametrize(
    "names, expected", [(None, ["A", "B"]), ("B", ["B"]), ("B, A", ["B", "A"]), (["A"], ["A"]), (("B",), ["B"])]
)
def test_sequences_by_name(root, names, expected):
    assert [sequence.name for sequence in load_sequences("folder", root, names)] == expected


@pytest.mark.parametrize("names, words", [(",", "names none"), ([], "names none"), ("A,C", "no sequence named C")])
def test_names_of_no_sequence(root, names, words):
    with pytest.raises(InputError, match=words):
        load_sequences("folder", root, names)
    with pytest.raises(InputError, match="'otb50' is no dataset"):
        load_sequences("otb50", root)


def test_what_is_there_of_a_folder(root, write_images):
    """Folders without frames or without boxes are left out; but not all of them."""
    (root / "empty").mkdir()
    write_images(root / "unlabelled", ["1.png"])
    assert [sequence.name for sequence in load_sequences("folder", root, allow_missing=True)] == ["A", "B"]
    assert [sequence.name for sequence in load_sequences("folder", root, "A,absent", True)] == ["A"]
    with pytest.raises(InputError, match="empty"):
        load_sequences("folder", root)
    with pytest.raises(InputError, match="empty"):
        load_sequences("folder", root, "empty", True)


def test_what_is_there_of_vot(root):
    (root / "list.txt").write_text("A\nabsent\n")
    assert [sequence.name for sequence in load_sequences("vot2016", root, allow_missing=True)] == ["A"]
    with pytest.raises(InputError, match="absent does not exist"):
        load_sequences("vot2016", root)


def test_a_name_of_vid_that_matches_nothing(tmp_path, write_images):
    write_images(tmp_path / "Data" / "VID" / "val" / "a", ["0.JPEG", "1.JPEG"])
    notes = tmp_path / "Annotations" / "VID" / "val" / "a"
    notes.mkdir(parents=True)
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    thing = f"<object><trackid>0</trackid><name>n1</name>{box}</object>"
    for stem in ("0", "1"):
        note = f"<annotation><size><width>32</width><height>24</height></size>{thing}</annotation>"
        (notes / f"{stem}.xml").write_text(note)
    assert [sequence.name for sequence in load_sequences("vid", tmp_path, "val/a/0")] == ["val/a/0"]
    with pytest.raises(InputError, match="no sequence named typo"):
        load_sequences("vid", tmp_path, "typo")
