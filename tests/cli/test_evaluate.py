import json
import shutil

import pytest

from rar_gluon import cli

FAILING = """
class Still:
    def init(self, frame, box):
        self.box, self.left = box, 3

    def update(self, frame):
        self.left -= 1
        if not self.left:
            raise RuntimeError("a tracker of somebody's")
        return self.box
"""


@pytest.fixture
def sequences(folder, tmp_path):
    """Two sequences: one of eight frames and one of three."""
    for name, count in (("long", 8), ("short", 3)):
        place = tmp_path / "sequences" / name
        place.mkdir(parents=True)
        for index in range(count):
            shutil.copy(folder / f"{index}.png", place)
        (place / "groundtruth.txt").write_text("52,42,36,32\n" * count)
    return tmp_path / "sequences"


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """A tracker that gives the first box twice and then fails, by its name."""
    (tmp_path / "somebody.py").write_text(FAILING)
    monkeypatch.chdir(tmp_path)
    return "somebody:Still"


def test_a_tracker_that_fails_on_one_sequence(sequences, failing, tmp_path, capsys):
    """The other is kept, scored and laid out for another toolkit; the status tells."""
    command = ["eval", "--dataset", "folder", "--root", str(sequences), "--tracker", failing, "--output", "runs"]
    assert cli.main(command) == 1
    out, err = capsys.readouterr()
    assert out.startswith("runs: 1 sequences, 3 frames at ") and "long failed" in err and "somebody's" in err
    assert [path.stem for path in (tmp_path / "runs" / "Still").glob("*.txt")] == ["short"]

    score = ["score", "folder", "--results", "runs", "--root", str(sequences), "--sequences", "short"]
    assert cli.main([*score, "--json", "scores.json"]) == 0
    assert "Still" in capsys.readouterr().out
    assert "Still" in json.dumps(json.loads((tmp_path / "scores.json").read_text()))

    assert cli.main([*score, "--report", "report"]) == 0
    assert "see report/report.html" in capsys.readouterr().out
    written = {path.name for path in (tmp_path / "report").iterdir()}
    assert {"report.html", "report.md", "scores.csv", "sequences_auc.csv", "success.png", "precision.png"} <= written
    assert "| Still |" in (tmp_path / "report" / "report.md").read_text()

    layout = ["results", "runs/Still", "--layout", "pysot", "--benchmark", "OTB100", "--output", "theirs"]
    assert cli.main(layout) == 0
    assert capsys.readouterr().out == "1 files of Still in theirs/OTB100\n"


def test_results_of_one_name_are_not_mixed(refused, tmp_path):
    for part in ("one", "two"):
        (tmp_path / part / "mine").mkdir(parents=True)
        (tmp_path / part / "mine" / "x.txt").write_text("1,2,3,4\n")
    folders = (tmp_path / "one" / "mine", tmp_path / "two" / "mine")
    layout = ("--layout", "pysot", "--benchmark", "B", "--output", tmp_path / "out")
    assert "two folders are called mine" in refused("results", *folders, *layout)
    assert not (tmp_path / "out").exists()


def test_a_report_may_lie_beside_the_trackers(sequences, failing, tmp_path, capsys):
    run = ["eval", "--dataset", "folder", "--root", str(sequences), "--sequences", "short", "--tracker", failing]
    assert cli.main([*run, "--output", "runs"]) == 0
    report = ["report", "folder", "runs", "--annotations", str(sequences), "--sequences", "short"]
    for _ in range(2):
        assert cli.main([*report, "--output", "runs/report"]) == 0
    assert "Still" in capsys.readouterr().out


def test_what_cannot_be_run_or_scored(refused, sequences, failing, tmp_path):
    command = ["eval", "--dataset", "folder", "--root", sequences, "--output", tmp_path / "runs", "--tracker"]
    assert "somebody:None" in refused(*command, "somebody:None")
    assert "other" in refused(*command, failing, "--sequences", "other")
    assert "nowhere" in refused("score", "folder", "--results", tmp_path / "nowhere", "--root", sequences)
    assert "is in" in refused(*command[:6], sequences, "--tracker", failing)
    assert "device is for rar-gluon's own trackers" in refused(*command, failing, "--device", "7")
    truth = sequences / "long" / "groundtruth.txt"
    score = ["score", "folder", "--results", tmp_path / "runs", "--root", sequences, "--json", truth]
    assert "groundtruth.txt is read here" in refused(*score)
    assert truth.read_text() == "52,42,36,32\n" * 8
