import pytest

from rar_gluon.common import InputError
from rar_gluon.data import otb
from rar_gluon.data.check import check


def test_otb_with_every_kind_of_fault(tmp_path, write_images, write_rows):
    names = [f"{number:04d}.jpg" for number in range(1, 82)]
    for name, frames in (("Deer", 71), ("Skiing", 81), ("Football1", 73), ("Matrix", 100)):
        write_images(tmp_path / name / "img", [f"{number:04d}.jpg" for number in range(1, frames + 1)])
        write_rows(tmp_path / name / "groundtruth_rect.txt", frames)
    (tmp_path / "Skiing" / "img" / names[4]).write_bytes(b"")
    rows = ["1,2,3,4"] * 100
    rows[6], rows[8] = "1,2,0,4", "1,NaN,3,4"
    (tmp_path / "Matrix" / "groundtruth_rect.txt").write_text("\n".join(rows))
    report = check("otb2013", tmp_path)
    assert not report.complete
    assert report.present == ("Deer: 71 frames", "Matrix: 100 frames", "Skiing: 81 frames")
    assert report.frames == 252 and len(report.missing) == 47 and "Woman" in report.missing
    problems = "\n".join(report.problems)
    assert "Football1" in problems and "images 1-74 are needed; 1 missing, the first is 74" in problems
    assert "Skiing: 1 image files are empty, the first is" in problems and names[4] in problems
    assert "Matrix: 1 of 100 boxes, the first in frame 7 of the sequence, without area; 0 expected." in problems
    assert "Matrix: 1 of 100 boxes, the first in frame 9 of the sequence, are NaN in part." in problems
    text = report.text()
    assert "Missing: 47\n  Basketball\n" in text and text.endswith("3 sequences, 252 frames: NOT complete.")


def test_complete_otb(tmp_path, write_images, write_rows, monkeypatch):
    """Board's published truth ends with a box of zeros: expected there."""
    monkeypatch.setitem(otb.LISTS, "otb2013", ("Board",))
    write_images(tmp_path / "Board" / "img", [f"{number:05d}.jpg" for number in range(1, 699)])
    truth = write_rows(tmp_path / "Board" / "groundtruth_rect.txt", 697)
    truth.write_text(truth.read_text() + "0,0,0,0\n")
    report = check("otb2013", tmp_path)
    assert report.complete, report.text()
    assert report.text().endswith("1 sequences, 698 frames: complete.")


def test_folder(tmp_path, write_images, write_rows):
    for name, rows in (("good", 2), ("short", 1), ("absent", 2)):
        write_images(tmp_path / name, ["1.png", "2.png"])
        write_rows(tmp_path / name / "groundtruth.txt", rows)
    (tmp_path / "absent" / "groundtruth.txt").write_text("NaN,NaN,NaN,NaN\n" * 2)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    report = check("folder", tmp_path)
    assert report.present == ("absent: 2 frames, 2 without a box", "good: 2 frames")
    problems = "\n".join(report.problems)
    assert "absent: no frame has a box" in problems and "1 boxes for 2 frames" in problems
    assert "broken.mp4 is text, no video" in problems


def test_vot(tmp_path, write_images, write_rows):
    (tmp_path / "list.txt").write_text("bag\nball\n")
    write_images(tmp_path / "bag", ["00000001.jpg"])
    write_rows(tmp_path / "bag" / "groundtruth.txt", 1)
    report = check("vot2016", tmp_path)
    assert report.present == ("bag: 1 frames",)
    assert report.missing == ("ball", "list.txt names 2 of 60")


def test_vid(tmp_path, write_images):
    snippet = "val/ILSVRC2015_val_00000000"
    images = write_images(tmp_path / "Data" / "VID" / snippet, ["000000.jpg"])
    (images / "000000.jpg").rename(images / "000000.JPEG")
    notes = tmp_path / "Annotations" / "VID" / snippet
    notes.mkdir(parents=True)
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox>"
    item = f"<object><trackid>{{}}</trackid><name>n</name>{box}</object>"
    size = "<size><width>12</width><height>8</height></size>"
    (notes / "000000.xml").write_text(f"<annotation>{size}{item.format(0)}{item.format(1)}</annotation>")
    report = check("vid", tmp_path)
    assert report.present == (f"{snippet}/0: 1 frames", f"{snippet}/1: 1 frames") and report.frames == 1
    assert report.missing[0].startswith("train: all 3862 snippets") and report.missing[1] == "val: 554 of 555 snippets"
    assert not report.problems


def test_what_cannot_be_checked(tmp_path):
    with pytest.raises(InputError, match="'otb50' is no dataset that can be checked: choose one of otb2013"):
        check("otb50", tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        check("vid", tmp_path / "nowhere")
