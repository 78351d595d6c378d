import shutil

import pytest

from rar_gluon import cli


@pytest.fixture
def sequences(folder, tmp_path):
    """A folder of one sequence, frames and boxes."""
    place = tmp_path / "sequences" / "one"
    shutil.copytree(folder, place)
    (place / "groundtruth.txt").write_text("52,42,36,32\n" * 8)
    return place.parent


def test_a_dataset_that_is_whole_and_one_that_is_not(sequences, capsys):
    assert cli.main(["data", "check", "folder", str(sequences)]) == 0
    assert "one: 8 frames" in capsys.readouterr().out
    (sequences / "one" / "7.png").unlink()
    assert cli.main(["data", "check", "folder", str(sequences)]) == 1
    assert "8 boxes for 7 frames" in capsys.readouterr().out


def test_a_dataset_that_is_not_there(refused, tmp_path):
    assert "nowhere" in refused("data", "check", "folder", tmp_path / "nowhere")
