import json

import pytest

from experiments.fig10 import compare


def analysis(name, result, **more):
    return {"type": f"vot.analysis.{name}", **more}, [result]


@pytest.fixture
def workspace(tmp_path):
    """A workspace of the toolkit with its report on one tracker."""
    analyses, results = zip(
        analysis("AverageAccuracyRobustness", [0.5, 2.0, [0.8, None], None]),
        analysis("EAOScore", [0.25], low=108, high=371),
    )
    baseline = {"parameters": {"analyses": analyses}, "results": results}
    report = {"trackers": {"rar_thin": {}}, "results": {"baseline": baseline}}
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "report.json").write_text(json.dumps(report))
    return tmp_path


def test_numbers_of_a_report(workspace):
    numbers, interval = compare.toolkit_numbers(workspace / "analysis" / "report.json", "rar_thin")
    assert numbers == {"accuracy": 0.5, "failures": 2.0, "reliability": 0.8, "eao": 0.25} and interval == (108, 371)


def test_a_tracker_that_is_in_no_report(workspace, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["compare.py", str(workspace), "nosuch"])
    assert compare.main() == 2
    error = capsys.readouterr().err
    assert "report.json has no tracker nosuch: give one of rar_thin" in error and error.count("\n") == 1
