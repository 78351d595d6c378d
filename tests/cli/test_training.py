import shutil

import pytest

from rar_gluon import cli
from rar_gluon.data.records import RecordTracks


@pytest.fixture
def sequences(folder, tmp_path):
    """A good sequence, and one with a frame that cannot be read."""
    for name in ("bad", "good"):
        place = tmp_path / "sequences" / name
        shutil.copytree(folder, place)
        (place / "groundtruth.txt").write_text("52,42,36,32\n" * 8)
    (tmp_path / "sequences" / "bad" / "3.png").write_bytes(b"no picture")
    return tmp_path / "sequences"


def test_a_folder_has_no_splits(refused, sequences, tmp_path):
    assert "--split is of vid" in refused("prepare", "folder", sequences, tmp_path / "records", "--split", "val")


def test_records_are_made_of_what_can_be_read(sequences, tmp_path, capsys):
    command = ["prepare", "folder", str(sequences), str(tmp_path / "records"), "--side", "63"]
    assert cli.main(command) == 0
    out = capsys.readouterr().out
    assert "15 of 16 objects kept" in out and "1 left out: the image cannot be read" in out
    assert "3.png" in (tmp_path / "records" / "problems.txt").read_text()
    assert RecordTracks(tmp_path / "records").names == ["bad", "good"]


@pytest.mark.parametrize(
    "more, words",
    [
        (["--keep", "0"], "--keep and --save-every must be at least 1"),
        (["--loaders", "-1"], "--loaders, --keep"),
        (["--cutouts", "a", "b", "c"], "--cutouts takes VIDEOS MASKS or STILLS"),
        (["--devices", "a"], "--devices is 'a'"),
        (["--records", "nowhere"], "nowhere"),
        (["--validation", "nowhere"], "nowhere"),
        (["--validation-sequences", "a"], "need --validation"),
        (["--stills-held-out", "0.5"], "needs --cutouts"),
    ],
)
def test_a_training_is_refused_before_it_begins(refused, small, tmp_path, more, words):
    assert words in refused("train", *small[:2], "--output", tmp_path / "out", *more)
    assert not (tmp_path / "out" / "run.json").exists()


def test_a_launch_that_cannot_be(refused, tmp_path):
    assert "hosts" in refused("launch", "-n", "2", "--hosts", tmp_path / "hosts", "--", "true")
    refused("launch", "-n", "0", "--", "true")


@pytest.mark.parametrize(
    "config, window", [([], "margin"), (["--config", "rar"], "per-axis"), (["--window", "square"], "square")]
)
def test_records_are_prepared_for_a_configuration(monkeypatch, config, window):
    """By default that of `rar train`."""
    asked = {}
    monkeypatch.setattr("rar_gluon.data.prepare.prepare", lambda *_, **options: asked.update(options) or Summary())
    assert cli.main(["prepare", "folder", "videos", "records", *config]) == 0
    assert asked["window"] == window and asked["padding"] == 2.0


class Summary:
    failures = ()

    def text(self):
        return ""
