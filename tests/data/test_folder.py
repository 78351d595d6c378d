import os
from pathlib import Path

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data import folder
from rar_gluon.data.frames import ImageFolder, VideoFile


def test_every_layout(tmp_path, write_images, write_video, write_rows):
    images = [f"{number}.png" for number in range(9, 13)]
    write_images(tmp_path / "plain", images)
    write_rows(tmp_path / "plain" / "groundtruth.txt", 4)
    write_images(tmp_path / "otb" / "img", images)
    write_rows(tmp_path / "otb" / "groundtruth_rect.txt", 4)
    write_images(tmp_path / "named" / "color", images)
    write_rows(tmp_path / "named" / "named.txt", 4)
    write_video(tmp_path / "inside" / "clip.avi", 3)
    write_rows(tmp_path / "inside" / "groundtruth.txt", 3)
    write_video(tmp_path / "beside.avi", 5)
    (tmp_path / "beside.txt").write_text("1,2,3,4\nNaN,NaN,NaN,NaN\n" + "1,2,3,4\n" * 3)
    (tmp_path / "readme.md").write_text("not a sequence")
    sequences = {sequence.name: sequence for sequence in folder.load(tmp_path)}
    assert {name: len(sequence) for name, sequence in sequences.items()} == {
        "plain": 4,
        "otb": 4,
        "named": 4,
        "inside": 3,
        "beside": 5,
    }
    assert isinstance(sequences["plain"].frames, ImageFolder)
    assert [path.name for path in sequences["plain"].frames.paths] == images  # 9 before 10
    assert isinstance(sequences["beside"].frames, VideoFile)
    assert np.isnan(sequences["beside"].boxes[1]).all()
    assert sequences["beside"].origin == 0 and folder.load(tmp_path, ["otb"], origin=1)[0].origin == 1


def test_several_targets_of_one_video(tmp_path, write_images, write_video, write_rows):
    write_video(tmp_path / "street.avi", 3)
    write_rows(tmp_path / "street.2.txt", 3)
    write_rows(tmp_path / "street.11.txt", 3, "{},5,6,7")
    write_images(tmp_path / "room", ["1.png", "2.png"])
    write_rows(tmp_path / "room.cup.txt", 2)
    assert folder.sequence_names(tmp_path) == ["room.cup", "street.11", "street.2"]
    cup, eleven, two = folder.load(tmp_path)
    assert (len(cup), cup.boxes[1].tolist()) == (2, [2, 2, 3, 4])
    assert (len(two), eleven.boxes[0].tolist(), two.boxes[0].tolist()) == (3, [1, 5, 6, 7], [1, 2, 3, 4])
    assert two.frames.path == eleven.frames.path == tmp_path / "street.avi"
    assert folder.is_there(tmp_path, "street.2") and not folder.is_there(tmp_path, "street.3")


def test_a_point_in_a_name_is_no_target(tmp_path, write_video, write_rows):
    for name in ("street", "street.2"):
        write_video(tmp_path / f"{name}.avi", 3)
        write_rows(tmp_path / f"{name}.txt", 3)
    write_rows(tmp_path / "street.old.txt", 4)  # beside boxes of its own it is something else
    assert folder.sequence_names(tmp_path) == ["street", "street.2"]
    assert folder.load_sequence(tmp_path, "street.2").frames.path == tmp_path / "street.2.avi"


def test_polygons_become_boxes(tmp_path, write_images):
    write_images(tmp_path / "a", ["1.png"])
    (tmp_path / "a" / "groundtruth.txt").write_text("5,0,10,5,5,10,0,5\n")
    np.testing.assert_array_equal(folder.load_sequence(tmp_path, "a").boxes, [[0, 0, 10, 10]])


def test_what_does_not_fit(tmp_path, write_images, write_video, write_rows):
    with pytest.raises(InputError, match="holds no sequence"):
        folder.load(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        folder.load(tmp_path / "nowhere")
    write_images(tmp_path / "a", ["1.png", "2.png"])
    with pytest.raises(InputError, match="holds no boxes of a"):
        folder.load(tmp_path)
    write_rows(tmp_path / "a.txt", 3)
    with pytest.raises(InputError, match="a.txt has 3 boxes for 2 frames"):
        folder.load(tmp_path)
    write_rows(tmp_path / "a" / "groundtruth.txt", 2)
    with pytest.raises(InputError, match="both hold boxes of a"):
        folder.load(tmp_path)
    write_video(tmp_path / "a.avi", 2)
    with pytest.raises(InputError, match="more than one sequence named a"):
        folder.load(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="0 videos and no images"):
        folder.load_sequence(tmp_path, "empty")
    with pytest.raises(InputError, match="no sequence named b"):
        folder.load_sequence(tmp_path, "b")


@pytest.mark.skipif("RAR_DATA" not in os.environ, reason="RAR_DATA names no folder with training sequences")
def test_real_sequences():
    sequences = folder.load(Path(os.environ["RAR_DATA"]) / "train")
    assert len(sequences) == 52 and sum(len(sequence) for sequence in sequences) == 11139
    assert sum((~np.isnan(sequence.boxes).any(axis=1)).sum() for sequence in sequences) == 10550
