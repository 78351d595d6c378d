import os
from pathlib import Path

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data import otb

COUNTS = {  # of sequences by attribute, in the order of otb.ATTRIBUTES, as the toolkits' lists count them
    ("otb2013", "matlab"): (25, 39, 28, 29, 19, 12, 17, 31, 6, 21, 4),
    ("otb2013", "website"): (25, 40, 28, 29, 19, 12, 18, 31, 6, 22, 4),
    ("otb2015", "matlab"): (38, 63, 64, 49, 44, 29, 39, 51, 14, 31, 9),
    ("otb2015", "website"): (38, 64, 65, 49, 44, 31, 43, 51, 14, 32, 10),
}


def test_lists():
    assert {name: len(names) for name, names in otb.LISTS.items()} == {"otb2013": 51, "tb50": 50, "otb2015": 100}
    assert set(otb.LISTS["otb2013"]) < set(otb.LISTS["otb2015"]) and set(otb.LISTS["tb50"]) < set(otb.LISTS["otb2015"])
    assert sum(entry.frames for entry in otb.ENTRIES.values()) == 59040
    assert len({entry.folder for entry in otb.ENTRIES.values()}) == 98


@pytest.mark.parametrize("which, source", COUNTS)
def test_attribute_counts(which, source):
    lists = [otb.ENTRIES[name].attribute_list(source) for name in otb.LISTS[which]]
    assert tuple(sum(attribute in names for names in lists) for attribute in otb.ATTRIBUTES) == COUNTS[which, source]


def test_frame_ranges():
    ranges = {name: (entry.first, entry.last) for name, entry in otb.ENTRIES.items() if entry.first > 1}
    assert ranges == {"David": (300, 770), "BlurCar1": (247, 988), "BlurCar3": (3, 359), "BlurCar4": (18, 397)}
    lengths = {"Football1": 74, "Freeman3": 460, "Freeman4": 283, "Diving": 215, "Board": 698, "Tiger1": 354}
    assert {name: otb.ENTRIES[name].last for name in lengths} == lengths


def test_sequence_names(tmp_path):
    assert otb.sequence_names(["jogging_2", "Human4", "carDark"]) == ("Jogging-2", "Human4-2", "CarDark")
    (tmp_path / "list.txt").write_text("Deer\nSkating2.1\n")
    assert otb.sequence_names(tmp_path / "list.txt") == ("Deer", "Skating2-1")
    many = otb.sequence_names("otb2015")[:60]
    assert otb.sequence_names(",".join(many)) == many  # longer than the name of a file can be
    for wrong, message in (
        ("otb50", "'otb50' is neither one of otb2013, tb50, otb2015 nor a file"),
        (["Deer", "Jogging"], "holds Jogging: names of OTB"),
        ([], "holds no name"),
        (["Deer", "deer"], "names Deer more than once"),
    ):
        with pytest.raises(InputError, match=message):
            otb.sequence_names(wrong)


def test_a_root_holds_otb_and_nothing_else(tmp_path):
    assert not otb.is_root(tmp_path)
    for name in ("Deer", "Jogging"):
        (tmp_path / name).mkdir()
    assert otb.is_root(tmp_path)
    (tmp_path / "Mine").mkdir()
    assert not otb.is_root(tmp_path)


def test_first_row():
    lengths = {"David": {471: 300, 770: 1, 469: None}, "Tiger1": {354: 1, 349: 6}, "Deer": {71: 1, 70: None}}
    for name, expected in lengths.items():
        assert {rows: otb.first_row(otb.ENTRIES[name], rows) for rows in expected} == expected


def images(first, last, digits=4):
    return [f"{number:0{digits}d}.jpg" for number in range(first, last + 1)]


def test_load_official_folder(tmp_path, write_images, write_rows):
    write_images(tmp_path / "Deer" / "img", images(1, 71))
    write_rows(tmp_path / "Deer" / "groundtruth_rect.txt", 71, "{}\t2\t3\t4")
    sequence = otb.load_sequence(tmp_path, "Deer")
    assert (sequence.name, len(sequence), len(sequence.frames), sequence.origin) == ("Deer", 71, 71, 1)
    assert sequence.attributes == ("MB", "FM", "IPR", "BC", "LR")
    assert sequence.frames[0].shape == (8, 12, 3)
    np.testing.assert_array_equal(sequence.pixel_boxes[0], [0, 1, 3, 4])


@pytest.mark.parametrize("first_image, rows, first_box", [(300, 471, 1), (1, 471, 1), (1, 770, 300)])
def test_load_range(tmp_path, first_image, rows, first_box, write_images, write_rows):
    """David is 300-770: the folder may hold only those, and the truth may fit the folder or the range."""
    write_images(tmp_path / "David" / "img", images(first_image, 770))
    write_rows(tmp_path / "David" / "groundtruth_rect.txt", rows)
    sequence = otb.load_sequence(tmp_path, "David")
    assert len(sequence.frames) == len(sequence) == 471
    assert [path.name for path in sequence.frames.paths[::470]] == ["0300.jpg", "0770.jpg"]
    assert sequence.boxes[0, 0] == first_box


@pytest.mark.parametrize("rows", [74, 80])
def test_load_folder_longer_than_the_range(tmp_path, rows, write_images, write_rows):
    write_images(tmp_path / "Football1" / "img", images(1, 80))
    write_rows(tmp_path / "Football1" / "groundtruth_rect.txt", rows)
    sequence = otb.load_sequence(tmp_path, "Football1")
    assert len(sequence.frames) == 74 and sequence.frames.paths[-1].name == "0074.jpg"
    np.testing.assert_array_equal(sequence.boxes[:, 0], np.arange(1, 75))


def test_load_targets_that_share_a_folder(tmp_path, write_images, write_rows):
    write_images(tmp_path / "Jogging" / "img", images(1, 307))
    for target in (1, 2):
        write_rows(tmp_path / "Jogging" / f"groundtruth_rect.{target}.txt", 307, f"{{}},{target},3,4")
    first, second = otb.load(tmp_path, ["Jogging-1", "Jogging-2"])
    assert (first.boxes[0, 1], second.boxes[0, 1]) == (1, 2)


def test_human4_uses_its_second_truth(tmp_path, write_images, write_rows):
    write_images(tmp_path / "Human4" / "img", images(1, 667))
    (tmp_path / "Human4" / "groundtruth_rect.1.txt").write_text("")
    write_rows(tmp_path / "Human4" / "groundtruth_rect.2.txt", 667)
    assert len(otb.load_sequence(tmp_path, "Human4-2")) == 667


def test_five_digit_names_and_skipped_frames(tmp_path, write_images, write_rows):
    write_images(tmp_path / "Tiger1" / "img", images(1, 354, digits=5))
    write_rows(tmp_path / "Tiger1" / "groundtruth_rect.txt", 354)
    assert len(otb.load_sequence(tmp_path, "Tiger1")) == 354
    sequence = otb.load_sequence(tmp_path, "Tiger1", skip_initial=True)
    assert (len(sequence), sequence.frames.paths[0].name, sequence.boxes[0, 0]) == (349, "00006.jpg", 6)


def test_partial_root_only_when_asked(tmp_path, write_images, write_rows):
    write_images(tmp_path / "Deer" / "img", images(1, 71))
    write_rows(tmp_path / "Deer" / "groundtruth_rect.txt", 71)
    with pytest.raises(InputError, match=r"lacks 99 of 100 sequences \(Basketball, "):
        otb.load(tmp_path)
    assert [sequence.name for sequence in otb.load(tmp_path, names=["Deer"])] == ["Deer"]
    assert [sequence.name for sequence in otb.load(tmp_path, allow_missing=True)] == ["Deer"]
    with pytest.raises(InputError, match="lacks 2 of 2"):
        otb.load(tmp_path, ["Boy", "Fish"], allow_missing=True)


def test_damaged_sequences(tmp_path, write_images, write_rows):
    folder = tmp_path / "Deer"
    folder.mkdir()
    with pytest.raises(InputError, match="img does not exist"):
        otb.load_sequence(tmp_path, "Deer")
    write_images(folder / "img", images(1, 71))
    with pytest.raises(InputError, match="groundtruth_rect.txt cannot be read"):
        otb.load_sequence(tmp_path, "Deer")
    write_rows(folder / "groundtruth_rect.txt", 70)
    with pytest.raises(InputError, match="has 70 boxes, but the range 1-71 has 71 frames and the folder 71 images"):
        otb.load_sequence(tmp_path, "Deer")
    (folder / "img" / "0050.jpg").unlink()
    with pytest.raises(InputError, match="images 1-71 are needed; 1 missing, the first is 50"):
        otb.load(tmp_path, ["Deer"], allow_missing=True)
    write_images(folder / "img", ["00049.jpg", "0050.jpg"])
    with pytest.raises(InputError, match="a number comes twice"):
        otb.load_sequence(tmp_path, "Deer")
    write_images(folder / "img", ["cover.jpg"])
    with pytest.raises(InputError, match="cover.jpg: the names"):
        otb.load_sequence(tmp_path, "Deer")


def test_read_truth_from_an_otb_root(tmp_path, write_rows):
    write_rows(tmp_path / "Human4" / "groundtruth_rect.2.txt", 667)
    write_rows(tmp_path / "David" / "groundtruth_rect.txt", 770)
    truth = otb.read_truth(tmp_path, ["Human4-2", "David"])
    assert {name: (first, len(boxes)) for name, (first, boxes) in truth.items()} == {
        "Human4-2": (1, 667),
        "David": (300, 471),
    }
    with pytest.raises(InputError, match=r"lacks the boxes of 1 of 3 sequences \(Deer\)"):
        otb.read_truth(tmp_path, ["Human4-2", "David", "Deer"])


@pytest.mark.skipif("RAR_DATA" not in os.environ, reason="RAR_DATA names no folder with OTB sequences")
def test_real_sequences():
    root = Path(os.environ["RAR_DATA"]) / "otb"
    sequences = otb.load(root, allow_missing=True)
    assert {sequence.name for sequence in sequences} >= {"David", "Bolt2", "Woman"}
    for sequence in sequences:
        assert len(sequence.frames) == len(sequence.boxes) and sequence.origin == 1
