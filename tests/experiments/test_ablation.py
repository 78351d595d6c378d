import pytest

from experiments.ablation import mean_and_deviation, measured_table, read_rows, row_text, scores_of
from rar_gluon.common import InputError
from rar_gluon.report.published import LITERATURE

NUMBERS = {0: {"a": {"auc": 0.5, "dp": 0.7}, "b": {"auc": 0.7, "dp": 0.9}}, 1: {"a": {"auc": 0.6, "dp": 0.8}}}


def test_scores_of_a_key_and_of_some_sequences():
    assert scores_of(NUMBERS, "auc") == {0: {"a": 0.5, "b": 0.7}, 1: {"a": 0.6}}
    assert scores_of(NUMBERS, "dp", ["b"]) == {0: {"b": 0.9}, 1: {}}


def test_means_are_of_seeds_and_their_deviation_needs_two():
    assert mean_and_deviation(scores_of(NUMBERS, "auc")) == (pytest.approx(0.6), pytest.approx(0.0))
    assert mean_and_deviation({0: {"a": 0.5}, 1: {"a": 0.7}}) == (pytest.approx(0.6), pytest.approx(0.02**0.5))
    assert mean_and_deviation({0: {"a": 0.5}}) == (0.5, None)
    assert mean_and_deviation({}) == (None, None) == mean_and_deviation({0: {}})


def test_the_protocol_stands_on_the_table_and_nothing_is_made_up():
    rows = read_rows(LITERATURE / "table3.csv")
    table = measured_table("T", {"row01": NUMBERS, "mine": {}}, rows, {"all": None}, "folder")
    assert table.labels == {"protocol": "folder"}
    heads = [column.head for column in table.columns]
    first, second = (dict(zip(heads, row)) for row in table.rows)
    assert first["AUC, all"] == pytest.approx(0.6) and first["paper AUC, otb2015"] == 0.582 and first["seeds"] == 2
    assert second["AUC, all"] is None and second["paper AUC, otb2015"] is None and second["seeds"] == 0


def test_rows_in_words():
    rows = read_rows(LITERATURE / "table3.csv")
    assert row_text(rows["row01"]) == "conv3, S 8" and row_text({}) == ""


def test_a_table_that_is_none(tmp_path):
    (tmp_path / "a.csv").write_text("name\n1\n")
    for path in (tmp_path / "a.csv", tmp_path / "nowhere.csv"):
        with pytest.raises(InputError, match="is no table of published rows"):
            read_rows(path)
