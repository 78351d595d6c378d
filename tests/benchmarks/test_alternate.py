import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.alternate import Case, Route, alternate, left_out, with_checkout
from benchmarks.report import COLUMNS, Row, as_csv, as_markdown, moved, rows_of
from rar_gluon.common import InputError

HERE = Path(__file__).parent


@pytest.fixture
def routes(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]))
    return [
        Route("one", "routes:adds", {"step": 1, "boxes": [[0, 0, 10, 10]]}),
        Route("two", "routes:adds", {"step": 2, "boxes": [[0, 0, 10, 5]]}),
    ]


def test_routes_are_measured_in_turn_and_ratios_are_to_the_first(routes):
    answers = alternate(Case("adding", routes), 3)
    assert list(answers) == ["one", "two"] and all(len(rounds) == 3 for rounds in answers.values())
    rows = {(row.route, row.quantity): row for row in rows_of("part", "adding", answers)}
    assert rows["two", "part"].values == pytest.approx((4.0, 4.0, 4.0))  # ms an item
    assert rows["two", "part"].ratios == pytest.approx((2.0, 2.0, 2.0))
    assert rows["two", "error"].ratios is None  # no ratio is of interest
    assert rows["two", "IoU"].values[1] == pytest.approx(0.5)
    assert rows["one", "wall"].values[0] > 0 and rows["one", "peak RSS"].unit == "MiB"


def test_the_peak_memory_of_a_route_does_not_begin_with_that_of_its_parent(routes):
    block = np.ones(50_000_000)  # 400 MB
    rows = rows_of("part", "adding", alternate(Case("adding", routes[:1]), 1))
    assert block[-1] == 1 and 5 < next(row.values[1] for row in rows if row.quantity == "peak RSS") < 350


def test_what_is_absent_or_fails_is_left_out_and_says_why(routes, capfd):
    case = Case("adding", [routes[0], Route("gone", "routes:absent"), Route("broken", "routes:fails")])
    assert list(alternate(case, 1)) == ["one"]
    errors = capfd.readouterr().err
    assert "gone is left out: its files are not there." in errors
    assert "broken is left out: ZeroDivisionError" in errors


def test_only_our_own_routes_of_this_checkout_are_missed():
    case = with_checkout(Case("c", [Route("ours", "a:b"), Route("peer", "a:c", ours=False)]), Path("/somewhere/old"))
    assert left_out(case, {"ours": [{}]}) == []
    assert left_out(case, {}) == ["c: ours was left out; standard error says why."]


def test_another_checkout_stands_beside_each_of_our_routes():
    ours, peer = Route("ours", "a:b"), Route("peer", "a:c", ours=False)
    case = with_checkout(Case("x", [ours, peer]), Path("/somewhere/old"))
    assert [route.name for route in case.routes] == ["ours", "ours, old", "peer"]
    assert case.routes[1].checkout == Path("/somewhere/old")


def rows(ratio):
    return [
        Row("p", "c", "first", "wall", (9.0, 10.0, 11.0), (1.0, 1.0, 1.0)),
        Row("p", "c", "second", "wall", (18.0, 20.0, 22.0), (ratio - 0.1, ratio, ratio + 0.1)),
        Row("p", "c", "second", "error", (0.0, 0.0, 0.0)),
    ]


def test_only_what_moved_by_more_than_the_spread_is_told(tmp_path):
    baseline = tmp_path / "baseline.csv"
    baseline.write_text(as_csv(rows(2.0)))
    assert moved(rows(2.15), baseline) == []
    (sentence,) = moved(rows(2.5), baseline)
    assert "wall of second is 2.50" in sentence and "was 2.00 [1.90 2.10]" in sentence


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", ",".join(COLUMNS) + "\np,c,r,q,ms,1,1,1,many,1,1\n"])
def test_a_baseline_that_is_none_is_refused(tmp_path, content):
    baseline = tmp_path / "baseline.csv"
    if content:
        baseline.write_text(content)
    with pytest.raises(InputError, match="is no table of benchmarks"):
        moved(rows(2.0), baseline)


def test_the_table_has_routes_down_and_quantities_across():
    text = as_markdown(rows(2.0), "title")
    assert "| route | wall ms | error |" in text
    assert "| second | 20 [18 22] (2.00) | 0 |" in text
