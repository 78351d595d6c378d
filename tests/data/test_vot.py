import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data import vot


@pytest.fixture
def root(tmp_path, write_images):
    """Two sequences: images in the folder (2016), and in its subfolder color (2017)."""
    (tmp_path / "list.txt").write_text("bag\nant1\n")
    write_images(tmp_path / "bag", ["00000001.jpg", "00000002.jpg"])
    (tmp_path / "bag" / "groundtruth.txt").write_text("5,0,10,5,5,10,0,5\n6,0,11,5,6,10,1,5\n")
    (tmp_path / "bag" / "occlusion.tag").write_text("0\n1\n")
    (tmp_path / "bag" / "camera_motion.tag").write_text("1\n")
    write_images(tmp_path / "ant1" / "color", ["00000001.jpg"])
    (tmp_path / "ant1" / "groundtruth.txt").write_text("1,2,3,4\n")
    return tmp_path


def test_load(root):
    bag, ant = vot.load(root)
    assert (bag.name, ant.name, len(bag.frames), len(ant.frames)) == ("bag", "ant1", 2, 1)
    np.testing.assert_array_equal(bag.polygons[0], [5, 0, 10, 5, 5, 10, 0, 5])
    np.testing.assert_array_equal(bag.boxes, [[0, 0, 10, 10], [1, 0, 10, 10]])
    assert ant.polygons is None and ant.boxes.tolist() == [[1, 2, 3, 4]]
    assert set(bag.tags) == {"occlusion", "camera_motion"} and not ant.tags
    np.testing.assert_array_equal(bag.tags["occlusion"], [False, True])
    np.testing.assert_array_equal(bag.tags["camera_motion"], [True, False])  # the file ends early
    assert [sequence.name for sequence in vot.load(root, ["ant1"])] == ["ant1"]


def test_what_does_not_fit(root, tmp_path):
    (root / "bag" / "occlusion.tag").write_text("0\n1\n1\n")
    with pytest.raises(InputError, match="occlusion.tag: a 0 or 1 for each of 2 frames"):
        vot.load(root)
    (root / "bag" / "00000002.jpg").unlink()
    with pytest.raises(InputError, match="has 1 images, but its groundtruth.txt has 2 regions"):
        vot.load(root)
    with pytest.raises(InputError, match="list.txt does not exist"):
        vot.load(root / "bag")
    with pytest.raises(InputError, match="does not exist, but list.txt names it"):
        vot.load_sequence(root, "car")
    (root / "list.txt").write_text("\n")
    with pytest.raises(InputError, match="names no sequence"):
        vot.load(root)


def test_a_name_that_leads_out_of_the_folder(root):
    (root / "list.txt").write_text("../bag\n")
    with pytest.raises(InputError, match="leads out of"):
        vot.load(root)
