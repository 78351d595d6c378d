import json

import cv2
import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.evaluation.vot.annotations import read_annotations, read_sizes

POLYGON = [5, 0, 10, 5, 5, 10, 0, 5]


@pytest.fixture
def folder(tmp_path):
    """Two sequences in VOT's layout, without images."""
    (tmp_path / "list.txt").write_text("bag\nant\n")
    for name, text in {"bag": "5,0,10,5,5,10,0,5\n", "ant": "1,2,3,4\n1,2,3,5\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "groundtruth.txt").write_text(text)
    (tmp_path / "sizes.txt").write_text("# name width height\nbag 64 48\nant,32,24\n")
    return tmp_path


def write_json(path, **entries):
    path.write_text(json.dumps(entries))
    return path


def as_lists(annotations):
    return [(truth.name, truth.regions.tolist(), truth.size) for truth in annotations]


def test_a_folder_a_list_of_sizes_and_a_json_file_say_the_same(folder, tmp_path):
    listed = as_lists(read_annotations(folder, folder / "sizes.txt"))
    assert listed == [("bag", [POLYGON], (64, 48)), ("ant", [[1, 2, 3, 4], [1, 2, 3, 5]], (32, 24))]
    entries = {
        "bag": {"gt_rect": [POLYGON], "width": 64, "height": 48},
        "ant": {"gt_rect": [[1, 2, 3, 4], [1, 2, 3, 5]], "width": 32, "height": 24},
    }
    assert as_lists(read_annotations(write_json(tmp_path / "vot.json", **entries))) == listed
    for entry in entries.values():
        del entry["width"]
    bare = write_json(tmp_path / "bare.json", **entries)
    assert as_lists(read_annotations(bare, folder / "sizes.txt")) == listed
    assert as_lists(read_annotations(bare, folder / "sizes.txt", ["ant"])) == listed[1:]
    for name, count in (("bag", 1), ("ant", 2)):
        for number in range(count):
            cv2.imwrite(str(folder / name / f"{number:08d}.png"), np.zeros((24, 32, 3), np.uint8))
    assert [truth.size for truth in read_annotations(folder)] == [(32, 24), (32, 24)]


@pytest.mark.parametrize(
    "entry, words",
    [
        ({"gt_rect": [POLYGON]}, "'bag' has no width: give --sizes"),
        ({"width": 4, "height": 4}, "'bag' has no gt_rect."),
        ({"gt_rect": [[1, 2, 3]], "width": 4, "height": 4}, "no list of boxes"),
        ({"gt_rect": [["a"] * 4], "width": 4, "height": 4}, "no list of boxes"),
        ({"gt_rect": 3, "width": 4, "height": 4}, "no list of boxes"),
        ({"gt_rect": [POLYGON], "width": "wide", "height": 4}, "no list of boxes"),
        ({"gt_rect": [POLYGON, [float("nan")] * 4], "width": 4, "height": 4}, "no region in frame 2"),
        ({"gt_rect": [], "width": 4, "height": 4}, "'bag' has no frame"),
        (["gt_rect"], "no list of boxes"),
    ],
)
def test_json_files_that_are_none(tmp_path, entry, words):
    with pytest.raises(InputError, match=words):
        read_annotations(write_json(tmp_path / "vot.json", bag=entry))


def test_what_cannot_be_read(folder):
    path = folder / "vot.json"
    for content, words in [
        (b"{", "is no JSON"),
        (b"{}", "names no sequence"),
        (b"[]", "no JSON object"),
        (b"\xff\xfe\x00", "it is no text"),
    ]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            read_annotations(path)
    with pytest.raises(InputError, match="no sequence named fly"):
        read_annotations(write_json(path, bag={}), names=["fly"])
    with pytest.raises(InputError, match=r"list\.txt does not exist"):
        read_annotations(folder / "nowhere")
    (folder / "sizes.txt").write_text("bag 64\n")
    with pytest.raises(InputError, match="line 1: 'bag 64' is no NAME WIDTH HEIGHT"):
        read_sizes(folder / "sizes.txt")
    (folder / "sizes.txt").write_text("../bag 64 48\n")
    (folder / "list.txt").write_text("../bag\n")
    with pytest.raises(InputError, match="leads out of"):
        read_annotations(folder, folder / "sizes.txt")
