import csv
import json
import re

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.benchmarks import NAMES
from rar_gluon.data.sequence import write_boxes
from rar_gluon.evaluation.benchmarks.score import score_benchmark
from rar_gluon.report.benchmark import ranking_table, report_benchmark
from rar_gluon.report.challenge import report_challenge
from rar_gluon.report.published import read_benchmarks
from rar_gluon.report.tables import texts

BOX = np.array([10.0, 20, 30, 40])
NAMES_HERE = ("airplane-1", "airplane-9")


@pytest.fixture
def lasot(tmp_path):
    """Annotations, with attributes of the first sequence, and two trackers in folders of their own."""
    for name in NAMES_HERE:
        write_boxes(tmp_path / "truth" / f"{name}.txt", np.tile(BOX, (4, 1)))
        write_boxes(tmp_path / "one" / "good" / f"{name}.txt", np.tile(BOX, (4, 1)))
        for run in (0, 1):
            boxes = np.vstack([BOX, BOX, np.tile(BOX + 500 * (run + 1), (2, 1))])
            write_boxes(tmp_path / "two" / "poor" / f"p_{run:03d}" / f"{name}.txt", boxes)
    (tmp_path / "truth" / "att").mkdir()
    (tmp_path / "truth" / "att" / "airplane-1.txt").write_text("1" + ",0" * 12 + ",1")
    return tmp_path


def test_report(lasot):
    places = (lasot / "one", lasot / "two")
    scores = report_benchmark("lasot", places, lasot / "truth", lasot / "out", sequences=",".join(NAMES_HERE))
    assert list(scores.trackers) == ["good", "poor"]
    pictures = ["success", "precision", "norm_precision"]
    files = {f"{kind}{name}.{end}" for name in pictures for kind in ("", "attributes_") for end in ("png", "pdf")}
    tables = {f"{what}_{number}.csv" for what in ("attributes", "sequences") for number in ("auc", "dp")}
    assert {path.name for path in (lasot / "out").iterdir()} == files | tables | {
        "scores.csv",
        "report.md",
        "report.html",
    }
    with open(lasot / "out" / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["tracker"] for row in rows] == ["good", "poor"], "a part of the sequences: nothing published beside"
    assert float(rows[1]["DP@20"]) == scores.trackers["poor"].overall.dp == 0.5
    assert rows[1]["source"] == "measured, mean of 2 runs, spread 0.000"
    text = (lasot / "out" / "report.md").read_text()
    assert "IV (illumination variation)" in text and "protocol 'lasot'" in text
    assert "2 of 2 sequences have no labels of absence" in text
    page = (lasot / "out" / "report.html").read_text()
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL).group(1))
    assert [group["key"] for group in data["groups"]] == ["all", "IV", "ARC"]
    with pytest.raises(InputError, match="holds good, which another folder has too"):
        report_benchmark("lasot", (places[0],) * 2, lasot / "truth", lasot / "out", sequences="airplane-1")


def test_ranking_beside_published_numbers(lasot):
    scores = score_benchmark("lasot", lasot / "one", lasot / "truth", sequences=",".join(NAMES_HERE))
    table = ranking_table(scores, read_benchmarks()["lasot"])
    rows = texts(table)
    assert rows[0][0] == "good" and rows[0][-1] == "measured"
    aucs = [float(row[1]) for row in rows]
    assert aucs == sorted(aucs, reverse=True) and len(rows) > 10
    atom = next(row for row in rows if row[0] == "ATOM")
    assert atom[1:5] == ["0.515", "0.505", "", "0.576"] and atom[-1].startswith("published: Danelljan")
    assert "another rule" in table.notes[0]


def test_published_numbers_have_a_source_and_a_benchmark():
    benchmarks = read_benchmarks()
    assert set(benchmarks) <= {*NAMES, "vot2018", "vot2019"}
    for rows in benchmarks.values():
        for row in rows:
            numbers = [value for value in row.values() if isinstance(value, float)]
            assert row["source"] and numbers and all(0 < value < 1 for value in numbers)


def test_gotten_numbers_of_got10k(tmp_path):
    """AO and SR in place of AUC and DP, and no plot of what is not ranked."""
    name = "GOT-10k_Val_000001"
    write_boxes(tmp_path / "truth" / name / "groundtruth.txt", np.tile(BOX, (3, 1)))
    write_boxes(tmp_path / "runs" / "A" / name / f"{name}_001.txt", np.tile(BOX, (3, 1)))
    report_benchmark("got10k", [tmp_path / "runs"], tmp_path / "truth", tmp_path / "out", sequences=name)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"success.png", "sequences_sr.csv"} <= names and "precision.png" not in names
    assert "| AO | SR@0.5 | SR@0.75 |" in (tmp_path / "out" / "report.md").read_text()


def test_challenge(tmp_path):
    (tmp_path / "VOT2018.json").write_text(json.dumps({"ants1": {"gt_rect": [[10, 10, 30, 20]] * 400}}))
    place = tmp_path / "runs" / "mine" / "baseline" / "ants1"
    place.mkdir(parents=True)
    (place / "ants1_001.txt").write_text("1\n" + "10,10,30,20\n" * 399)
    scores = report_challenge("vot2018", [tmp_path / "runs"], tmp_path, tmp_path / "out")
    assert scores["mine"].eao == 1
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"scores.csv", "eao_curves.png", "report.md", "report.html"}
    text = (tmp_path / "out" / "report.md").read_text()
    assert "| mine | 1.000 | 1.000 | 0.000 | 0.0 | measured |" in text and "pysot, MODEL_ZOO.md" in text
    with pytest.raises(InputError, match="holds mine, which another folder has too"):
        report_challenge("vot2018", [tmp_path / "runs"] * 2, tmp_path, tmp_path / "out")
