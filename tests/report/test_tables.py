import csv
import dataclasses
import io

import pytest

from rar_gluon.data import otb
from rar_gluon.evaluation.otb.score import NUMBERS, score_otb
from rar_gluon.report.published import read_published
from rar_gluon.report.tables import (
    Column,
    Table,
    attribute_counts,
    attribute_table,
    filled,
    list_name,
    score_table,
    sequence_table,
    texts,
    to_csv,
    to_json,
    to_markdown,
)

NAMES = ("Man", "Dog", "Crossing")
TABLE = Table(
    "t",
    "A title",
    (Column("name"), Column("x", ".3f"), Column("d", "+.3f")),
    (("a|b", 1 / 3, -1e-5), ("c", None, 0.5)),
    {"protocol": "matlab"},
    ("A note.",),
)


def rows_of(table):
    return {row["tracker"]: row for row in csv.DictReader(io.StringIO(to_csv(table)))}


@pytest.fixture
def whole_list(monkeypatch):
    """The three sequences are all of OTB-2015."""
    monkeypatch.setitem(otb.LISTS, "otb2015", NAMES)


@pytest.fixture
def scores(made_up):
    return score_otb(made_up / "results", made_up / "otb", sequences=NAMES)


def test_one_table_in_three_forms():
    assert texts(TABLE) == [["a|b", "0.333", "0.000"], ["c", "", "+0.500"]]
    assert to_csv(TABLE) == "name,x,d,protocol\na|b,0.3333333333333333,-1e-05,matlab\nc,,0.5,matlab\n"
    assert to_markdown(TABLE).splitlines() == [
        "**A title (protocol matlab)**",
        "",
        "| name | x | d |",
        "| --- | ---: | ---: |",
        "| a\\|b | 0.333 | 0.000 |",
        "| c |  | +0.500 |",
        "",
        "* A note.",
    ]
    assert to_json(TABLE)["values"] == [["a|b", 1 / 3, -1e-5], ["c", None, 0.5]]


def test_lists_are_told_by_their_sequences():
    assert list_name(tuple(reversed(otb.LISTS["tb50"]))) == "tb50"
    assert list_name(otb.LISTS["otb2013"][1:]) is None and list_name(NAMES) is None


def test_published_stand_beside_a_whole_list(scores, published_folder, whole_list):
    table = score_table(scores, NAMES, read_published(published_folder))
    row, overall = rows_of(table)["SiamFC-3s"], scores.trackers["SiamFC-3s"].overall
    assert (float(row["AUC"]), float(row["DP@20"])) == (overall.auc, overall.dp)
    assert (float(row["SR@0.5"]), float(row["NP@0.2"])) == (overall.sr, overall.norm_precision)
    assert (row["paper AUC"], row["recomputed AUC"], row["protocol"]) == ("0.578", "0.582", "matlab")
    assert float(row["AUC - paper"]) == overall.auc - 0.578
    assert float(row["DP@20 - recomputed"]) == overall.dp - 0.771
    assert rows_of(table)["RAR (not measured)"]["paper AUC"] == "0.664"
    assert "SiamFC (not measured)" not in rows_of(table)
    notes = " ".join(table.notes)
    assert "names no protocol" in notes and "number of scales" in notes and "another release: AUC 0.700" in notes


def test_published_do_not_stand_beside_a_part(scores, published_folder):
    table = score_table(scores, NAMES, read_published(published_folder))
    assert list(rows_of(table)) == ["SiamFC-3s"]
    assert all(cell is None for cell in table.rows[0][6:]) and "a part of it" in table.notes[0]


def test_published_do_not_stand_beside_a_tracker_with_gaps(made_up, published_folder, whole_list, tmp_path):
    for name in NAMES[:2]:
        source = made_up / "results" / "SiamFC-3s" / f"{name}.txt"
        (tmp_path / "SiamFC-3s").mkdir(exist_ok=True)
        (tmp_path / "SiamFC-3s" / source.name).write_text(source.read_text())
    gaps = score_otb(tmp_path / "SiamFC-3s", made_up / "otb", sequences=NAMES, allow_missing=True)
    table = score_table(gaps, NAMES, read_published(published_folder))
    assert all(cell is None for cell in table.rows[0][6:]), "neither published nor recomputed"
    assert rows_of(table)["SiamFC (not measured)"]["paper AUC"] == "0.578"
    assert any("lacks sequences" in note for note in table.notes)


def test_recomputed_are_of_one_protocol(made_up, published_folder, whole_list):
    fine = score_otb(made_up / "results", made_up / "otb", "fine101", NAMES)
    table = score_table(fine, NAMES, read_published(published_folder))
    row = rows_of(table)["SiamFC-3s"]
    assert row["protocol"] == "fine101" and row["recomputed AUC"] == "" and row["paper AUC"] == "0.578"
    assert any("under protocol fine101" in note for note in table.notes)


def test_cfnets_doubtful_precision_has_no_difference(scores, published_folder, whole_list):
    cfnet = dataclasses.replace(scores, trackers={"CFNet-conv2": scores.trackers["SiamFC-3s"]})
    table = score_table(cfnet, NAMES, read_published(published_folder))
    row = rows_of(table)["CFNet-conv2"]
    assert row["paper DP@20"] == "0.767" and row["DP@20 - paper"] == "" and row["AUC - paper"] != ""
    assert row["recomputed DP@20"] == "0.748" and row["DP@20 - recomputed"] != "", "not the mean precision .693"
    assert any("equals SiamFC's" in note for note in table.notes)


def test_attributes_and_sequences(scores):
    # Man: IV; Dog: OPR SV DEF; Crossing: SV DEF BC
    assert attribute_counts(scores) == {"IV": 1, "OPR": 1, "SV": 2, "DEF": 2, "BC": 1}
    score = scores.trackers["SiamFC-3s"]
    table = attribute_table(scores, "dp")
    values = {row[0].split()[0]: row[1:] for row in table.rows}
    assert values["SV"] == (2, (score.sequences["Dog"].dp + score.sequences["Crossing"].dp) / 2)
    assert table.labels == {"protocol": "matlab", "attribute list": "matlab"}
    rows = sequence_table(scores, "auc").rows
    assert [row[0] for row in rows] == ["Crossing", "Dog", "Man"]
    assert [row[2] for row in rows] == [score.sequences[row[0]].auc for row in rows]


def test_columns_that_are_empty_are_left_out_where_they_are_shown(scores, published_folder):
    table = filled(score_table(scores, NAMES, read_published(published_folder)))
    heads = [column.head for column in table.columns]
    assert heads == ["tracker", "sequences", *NUMBERS.values()] and len(table.rows[0]) == len(heads)
    assert filled(dataclasses.replace(table, rows=())).columns == table.columns
