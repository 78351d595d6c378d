import json

import pytest

from rar_gluon import cli
from rar_gluon.data import benchmarks
from rar_gluon.evaluation.vot.protocol import load_protocol


@pytest.fixture
def lasot(tmp_path):
    """Annotations of one sequence of LaSOT and a tracker's boxes on it."""
    for folder, text in (("truth", "1,2,30,40\n" * 3), ("runs/mine", "1,2,30,40\n" * 2 + "900,2,30,40\n")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "airplane-1.txt").write_text(text)
    return ["--results", str(tmp_path / "runs"), "--annotations", str(tmp_path / "truth"), "--sequences", "airplane-1"]


def test_a_benchmark(lasot, tmp_path, capsys):
    assert cli.main(["score", "lasot", *lasot, "--json", str(tmp_path / "scores.json"), "--by", "sequence"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("LaSOT, protocol lasot\n") and "mine     0.635  0.667" in out and "airplane-1" in out
    assert "1 of 1 sequences have no labels of absence" in out
    assert json.loads((tmp_path / "scores.json").read_text())["trackers"]["mine"]["dp"] == pytest.approx(2 / 3)


def test_every_protocol(lasot, tmp_path, capsys):
    path = tmp_path / "scores.json"
    assert cli.main(["score", "lasot", *lasot, "--protocol", "all", "--json", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("LaSOT, by every protocol\n") and " fine101  0." in out
    assert "pysot: pysot toolkit (" in out
    written = json.loads(path.read_text())["protocols"]
    assert written["visible"]["trackers"]["mine"]["dp"] == pytest.approx(2 / 3)
    (tmp_path / "runs" / "mine" / "airplane-1.txt").write_text("1,2,30,40\n" * 2)
    assert cli.main(["score", "lasot", *lasot, "--protocol", "all", "--json", str(path)]) == 0
    assert "pytracking: refuses these boxes: mine: airplane-1: 2 boxes for 3 frames" in capsys.readouterr().out
    assert "refused" in json.loads(path.read_text())["protocols"]["pytracking"]


def test_what_cannot_be_scored(refused, lasot, tmp_path):
    assert "'best' is no protocol of lasot" in refused("score", "lasot", *lasot, "--protocol", "best")
    assert "cat-100 is no sequence of LaSOT" in refused("score", "lasot", *lasot[:4], "--sequences", "cat-100")
    assert "lacks the boxes of 279 of 280 sequences of LaSOT" in refused("score", "lasot", *lasot[:4])
    truth = tmp_path / "truth" / "airplane-1.txt"
    assert "is read here" in refused("score", "lasot", *lasot, "--json", truth)
    assert "lacks boxes of 280 (airplane/airplane-1/groundtruth.txt, ...)" in refused(
        "data", "check", "lasot", tmp_path
    )


def test_every_benchmark_has_a_command_and_a_data_set(refused):
    assert {*cli.benchmarks.ONE_PASS, "got10k_test"} == set(benchmarks.NAMES)
    assert [load_protocol(name.upper()) for name in cli.benchmarks.SUPERVISED]


def test_a_challenge(tmp_path, capsys):
    """pysot's JSON in a folder, without sizes of images; a tracker that is right in every frame."""
    polygon = [10, 10, 40, 10, 40, 30, 10, 30]
    truth = {"ants1": {"gt_rect": [polygon] * 300}}
    (tmp_path / "VOT2019.json").write_text(json.dumps(truth))
    place = tmp_path / "runs" / "mine" / "baseline" / "ants1"
    place.mkdir(parents=True)
    (place / "ants1_001.txt").write_text("1\n" + "10,10,40,10,40,30,10,30\n" * 299)
    score = ["score", "vot2019", "--results", str(tmp_path / "runs"), "--annotations", str(tmp_path)]
    assert cli.main([*score, "--protocol", "all", "--json", str(tmp_path / "scores.json")]) == 0
    out = capsys.readouterr().out
    assert out.count("\nmine  ") == 4 and "EAO over 46 to 291 frames" in out and "1.0000" in out
    assert "1 of 1 sequences have no size" in out
    assert set(json.loads((tmp_path / "scores.json").read_text())["protocols"]) >= {"matlab", "python-toolkit"}
    assert cli.main(score) == 0 and "rules matlab" in capsys.readouterr().out


def test_a_report(lasot, tmp_path, capsys):
    files = ["--annotations", str(tmp_path / "truth"), "--output", str(tmp_path / "out"), "--sequences", "airplane-1"]
    assert cli.main(["report", "lasot", str(tmp_path / "runs"), *files]) == 0
    assert "mine     0.635  0.667" in capsys.readouterr().out and (tmp_path / "out" / "report.html").is_file()
    assert cli.main(["report", "lasot", "--results", str(tmp_path / "runs"), *files, "--protocol", "visible"]) == 0
    assert "protocol visible" in capsys.readouterr().out


def test_what_cannot_be_reported(lasot, tmp_path, refused):
    files = ["--annotations", tmp_path / "truth", "--output", tmp_path / "out"]
    pictures = refused("report", "lasot", tmp_path / "runs", *files, "--images", tmp_path)
    assert "--images is for pictures of OTB" in pictures
    assert "--allow-missing does not apply" in refused(
        "report", "vot2018", tmp_path / "runs", *files, "--allow-missing"
    )
    assert "a report needs a folder of results" in refused("report", "lasot", *files)


def test_otb_by_one_protocol_and_by_every(tmp_path, capsys):
    for folder in ("truth", "runs/mine"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "Deer.txt").write_text("1,2,30,40\n" * 71)
    score = ["score", "otb", "--results", str(tmp_path / "runs"), "--annotations", str(tmp_path / "truth")]
    assert cli.main([*score, "--sequences", "Deer"]) == 0
    assert "Deer, protocol matlab" in capsys.readouterr().out
    assert cli.main([*score, "--sequences", "Deer", "--protocol", "all"]) == 0
    out = capsys.readouterr().out
    missing = ["score", "otb", "--results", str(tmp_path / "none"), "--annotations", str(tmp_path / "truth")]
    assert cli.main([*missing, "--sequences", "Deer", "--protocol", "all"]) == 2
    assert "none is no folder" in capsys.readouterr().err
    assert "mine         matlab  0.9524" in out and "pysot: pysot toolkit" in out and "folder" not in out
