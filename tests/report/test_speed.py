import pytest

from rar_gluon.common import InputError
from rar_gluon.report.speed import read_speed


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "times").mkdir()
    (tmp_path / "times" / "Deer.txt").write_text("0.000000\n0.5\n0.1\n0.2\n")
    (tmp_path / "times" / "skiing.txt").write_text("0.4\n0.3\n")
    return tmp_path


def test_frames_over_seconds(folder):
    speed = read_speed(folder, ["Deer", "Skiing", "Woman"])
    assert (len(speed.seconds), speed.sequences, speed.machine) == (5, 2, "")
    assert speed.fps == pytest.approx(5 / 1.5) and speed.median == pytest.approx(300)
    assert read_speed(folder, ["Woman"]) is None
    assert read_speed(folder / "times", ["Deer"]) is None


def test_machine(folder):
    (folder / "run.json").write_text('{"machine": {"processor": "Z80", "cores": 1}}')
    assert read_speed(folder, ["Deer"]).machine == "Z80, 1 cores"
    for damaged in ("{", "[]", '{"machine": {"cores": 1}}'):
        (folder / "run.json").write_text(damaged)
        with pytest.raises(InputError, match=r"run\.json is damaged"):
            read_speed(folder, ["Deer"])


def test_damaged_times(folder):
    (folder / "times" / "Deer.txt").write_text("0.1\nfast\n")
    with pytest.raises(InputError, match=r"Deer\.txt holds something that is no number"):
        read_speed(folder, ["Deer"])
