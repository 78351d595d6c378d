import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data import vid

OBJECT = """<object><trackid>{track}</trackid><name>n02084071</name><bndbox><xmax>{x2}</xmax><xmin>{x}</xmin>
<ymax>19</ymax><ymin>10</ymin></bndbox><occluded>{occluded}</occluded><generated>{generated}</generated></object>"""
FRAME = """<annotation><folder>f</folder><filename>0</filename><size><width>{width}</width><height>90</height></size>
{objects}</annotation>"""
SNIPPET = "train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000"


@pytest.fixture
def write_frame(tmp_path, write_images):
    def write(index, *objects, width=160, snippet=SNIPPET):
        images = tmp_path / "Data" / "VID" / snippet
        notes = tmp_path / "Annotations" / "VID" / snippet
        notes.mkdir(parents=True, exist_ok=True)
        write_images(images, [f"{index:06d}.jpg"])
        (images / f"{index:06d}.jpg").rename(images / f"{index:06d}.JPEG")
        fields = ("track", "x", "x2", "occluded", "generated")
        text = "".join(OBJECT.format(**dict(zip(fields, values))) for values in objects)
        (notes / f"{index:06d}.xml").write_text(FRAME.format(objects=text, width=width))
        return tmp_path

    return write


def test_one_sequence_per_track(write_frame):
    write_frame(0, (0, 5, 24, 0, 0), (3, 50, 50, 1, 0))
    write_frame(1, (3, 60, 79, 0, 1))
    root = write_frame(2)
    first, second = vid.load(root, "train")
    assert (first.name, second.name) == (f"{SNIPPET}/0", f"{SNIPPET}/3")
    assert first.frames is second.frames and len(first.frames) == 3
    nan = [np.nan] * 4
    np.testing.assert_array_equal(first.boxes, [[5, 10, 20, 10], nan, nan])
    np.testing.assert_array_equal(second.boxes, [[50, 10, 1, 10], [60, 10, 20, 10], nan])
    assert second.attributes == ("n02084071",)
    np.testing.assert_array_equal(second.tags["occluded"], [True, False, False])
    np.testing.assert_array_equal(second.tags["generated"], [False, True, False])
    assert vid.read_annotation(root / "Annotations" / "VID" / SNIPPET / "000000.xml")[0] == (160, 90)


def test_splits(write_frame):
    root = write_frame(0, (0, 5, 24, 0, 0), snippet="val/ILSVRC2015_val_00000000")
    assert vid.snippets(root, "val") == ["val/ILSVRC2015_val_00000000"]
    with pytest.raises(InputError, match="train holds no snippet"):
        list(vid.load(root, "train"))
    with pytest.raises(InputError, match="'test' is no annotated split"):
        vid.snippets(root, "test")


def test_what_does_not_fit(write_frame):
    write_frame(0, (0, 5, 24, 0, 0))
    root = write_frame(1, (0, 5, 24, 0, 0), (0, 6, 24, 0, 0))
    with pytest.raises(InputError, match="two boxes in one frame"):
        vid.load_snippet(root, SNIPPET)
    write_frame(1, width=200)
    with pytest.raises(InputError, match="more than one image size"):
        vid.load_snippet(root, SNIPPET)
    notes = root / "Annotations" / "VID" / SNIPPET
    (notes / "000001.xml").write_text("<annotation><size>")
    with pytest.raises(InputError, match="000001.xml cannot be read"):
        vid.load_snippet(root, SNIPPET)
    (notes / "000001.xml").write_text("<annotation></annotation>")
    with pytest.raises(InputError, match="000001.xml cannot be read"):
        vid.load_snippet(root, SNIPPET)
    (notes / "000001.xml").unlink()
    with pytest.raises(InputError, match="2 images and 1 annotations"):
        vid.load_snippet(root, SNIPPET)
