import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data import folder
from rar_gluon.data.frames import ImageFolder
from rar_gluon.data.sequence import (
    BoxSink,
    Sequence,
    boxes_to_polygons,
    content_hash,
    polygons_to_boxes,
    read_boxes,
    read_regions,
    write_boxes,
)


def test_read_boxes_of_any_delimiter(tmp_path):
    path = tmp_path / "boxes.txt"
    path.write_text(
        "\ufeff# made by hand\r\n1,2,3,4\r\n5\t6\t7\t8\r\n 9 10  11 12 \r\n1.5, 2,\t3 4e0\r\nNaN,nan,NaN,NaN\r\n\r\n"
    )
    boxes = read_boxes(path)
    assert boxes.dtype == np.float64
    np.testing.assert_array_equal(boxes, [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [1.5, 2, 3, 4], [np.nan] * 4])


def test_read_regions_and_boxes(tmp_path):
    path = tmp_path / "groundtruth.txt"
    path.write_text("5,0,10,5,5,10,0,5\n1,2,3,4\n")
    np.testing.assert_array_equal(read_boxes(path), [[0, 0, 10, 10], [1, 2, 3, 4]])
    np.testing.assert_array_equal(read_regions(path), [[5, 0, 10, 5, 5, 10, 0, 5], [1, 2, 4, 2, 4, 6, 1, 6]])
    path.write_text("1,2,3,4\n")
    np.testing.assert_array_equal(read_regions(path), [[1, 2, 3, 4]])


def test_boxes_and_polygons_round_trip():
    boxes = np.random.default_rng(0).uniform(0, 100, (20, 4))
    np.testing.assert_allclose(polygons_to_boxes(boxes_to_polygons(boxes)), boxes)
    assert np.isnan(polygons_to_boxes(np.full((1, 8), np.nan))).all()


@pytest.mark.parametrize(
    "text, message",
    [
        ("1,2,3,4\n1,2,3\n", "line 2: 3 numbers"),
        ("1,2,3,4,5\n", "line 1: 5 numbers"),
        ("1,,3,4\n", "line 1: 3 numbers"),
        ("# x\n1,2,three,4\n", "line 2: '1,2,three,4' holds something that is no number"),
        ("1;2;3;4\n", "no number"),
        ("1,2,inf,4\n", "infinite"),
        ("1,2,3,4\n\n1,2,3,4\n", "line 2: a blank line"),
        ("40,5 30,2 24,0 20,1\n", "line 1: .* decimal commas, or the four corners of a polygon"),
        ("40,5\t30,2\t24,0\t20,1\n", "decimal commas"),
        ("0 0.5 0.5 0.1 0.2\n", "YOLO"),
        (".25 .25 .1 .2\n0.26,0.25,0.1,0.2\nNaN,NaN,NaN,NaN\n", "parts of the frame's size .YOLO.: write"),
        ("# only a comment\n", "holds no boxes"),
        ("", "holds no boxes"),
    ],
)
def test_read_boxes_refuses(tmp_path, text, message):
    path = tmp_path / "boxes.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_boxes(path)
    assert str(path) in str(error.value)


def test_read_boxes_of_no_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_boxes(tmp_path / "nothing.txt")


def test_write_boxes_reads_back_exactly(tmp_path):
    boxes = np.random.default_rng(1).normal(0, 1e3, (50, 4))
    boxes[3] = np.nan
    boxes[4] = [1, 2, 3, 0.1]
    write_boxes(tmp_path / "new" / "boxes.txt", boxes)
    np.testing.assert_array_equal(read_boxes(tmp_path / "new" / "boxes.txt"), boxes)
    lines = (tmp_path / "new" / "boxes.txt").read_text().splitlines()
    assert lines[3] == "NaN,NaN,NaN,NaN" and lines[4] == "1,2,3,0.1"


def test_pixel_boxes_start_at_zero():
    sequence = Sequence("a", ImageFolder(["0001.jpg"]), np.array([[1.0, 1, 5, 6]]), origin=1)
    np.testing.assert_array_equal(sequence.pixel_boxes, [[0, 0, 5, 6]])
    assert len(sequence) == 1


# One owner -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [False, True])
def test_boxes_have_one_writer(tmp_path, refusal, there):
    """The second is refused, when it begins if the first has begun, and takes nothing from the first."""
    path = tmp_path / "boxes.txt"
    if there:
        path.write_text("1,2,3,4\n")
    with BoxSink(path) as first:
        late = None if there else BoxSink(path)
        first.write((5, 6, 7, 8))
        assert "another process is writing" in refusal(BoxSink, path)
        if late is not None:
            assert "another process is writing" in refusal(late.write, (0, 0, 1, 1))
        first.write((6, 6, 7, 8))
    assert path.read_text() == "5,6,7,8\n6,6,7,8\n"
    with BoxSink(path):  # nothing of a lock is left; without a box the file stays
        pass
    assert path.read_text() == "5,6,7,8\n6,6,7,8\n"


def test_what_data_is(tmp_path, write_images, write_rows):
    """Other names, sizes or boxes are other data; another place is not."""
    for root in ("a", "b"):
        write_images(tmp_path / root / "s", ["1.png", "2.png"])
        write_rows(tmp_path / root / "s" / "groundtruth.txt", 2)

    def content(root):
        return content_hash(folder.load(tmp_path / root))

    first = content("a")
    assert content("b") == first
    write_rows(tmp_path / "b" / "s" / "groundtruth.txt", 2, "{},2,3,5")
    assert content("b") != first
    (tmp_path / "a" / "s" / "2.png").rename(tmp_path / "a" / "s" / "3.png")
    renamed = content("a")
    with open(tmp_path / "a" / "s" / "3.png", "ab") as file:
        file.write(b"more")
    assert len({first, renamed, content("a")}) == 3
