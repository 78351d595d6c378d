from statistics import NormalDist

import numpy as np
import pytest

from experiments import ablation
from experiments.claims import Claim, Verdict, bootstrap, holm, interval, judge, pool, read_claims
from rar_gluon.common import InputError
from rar_gluon.report import document
from rar_gluon.report.tables import to_csv


def scores(*values, seeds=(0,)):
    return {seed: {f"s{index}": value for index, value in enumerate(values)} for seed in seeds}


def test_a_claim_is_supported_contradicted_equivalent_or_undecided():
    low, high = scores(*[0.4] * 8), scores(*[0.5] * 8)
    verdict = judge(high, low, 0.01)
    assert (verdict.word, verdict.seeds, verdict.sequences) == ("supported", 1, 8)
    assert (verdict.difference, verdict.low, verdict.high) == pytest.approx((0.1, 0.1, 0.1))
    assert judge(low, high, 0.01).word == "contradicted"
    noise = scores(*[0.4 + 0.002 * (-1) ** i for i in range(8)])
    assert judge(noise, low, 0.01).word == "equivalent" and judge(noise, low, 0.001).word == "undecided"
    assert judge(scores(*[0.5] * 5), scores(*[0.4] * 5), 0.01).word == "undecided"  # five sequences
    assert judge(high, high, 0.01).p == 1.0


def test_the_interval_is_that_of_a_mean_over_sequences():
    """Against the normal one, sd √(1/n): with 200 sequences they agree."""
    differences = np.random.default_rng(1).normal(0.02, 0.1, 200)
    verdict = judge(scores(*differences), scores(*[0.0] * 200), 0.01)
    half = 1.96 * differences.std() / 200**0.5
    assert verdict.difference == pytest.approx(differences.mean())
    assert (verdict.low, verdict.high) == pytest.approx(
        (verdict.difference - half, verdict.difference + half), abs=0.001
    )
    assert verdict.p == pytest.approx(2 * (1 - NormalDist().cdf(verdict.difference / half * 1.96)), abs=0.01)


def test_pairs_of_one_sequence_are_no_independent_samples_and_seeds_count_too():
    """Seeds that agree tell no more than one; seeds that differ make the interval wider than their mean's."""
    zero = scores(*[0.0] * 10, seeds=(0, 1, 2))
    values = np.linspace(-0.1, 0.3, 10)
    one = judge(scores(*values), scores(*[0.0] * 10), 0.01)
    three = judge(scores(*values, seeds=(0, 1, 2)), zero, 0.01)
    assert (three.low, three.high) == pytest.approx((one.low, one.high), abs=0.01)
    apart = {seed: scores(*[shift] * 10)[0] for seed, shift in ((0, -0.2), (1, 0.1), (2, 0.4))}
    verdict = judge(apart, zero, 0.01)
    assert verdict.difference == pytest.approx(0.1) and verdict.low < -0.1 and verdict.high > 0.3


@pytest.mark.parametrize("seed_sd, sequence_sd, noise", [(0, 0.013, 0.04), (0.02, 0.01, 0.04), (0, 0.04, 0.01)])
def test_the_spread_of_the_draws_is_that_of_the_mean(seed_sd, sequence_sd, noise):
    """Against the variance of the mean of a table of independent effects: seeds, sequences, and noise of each value."""
    rng, (seeds, sequences) = np.random.default_rng(5), (4, 30)
    variances = []
    for _ in range(300):
        effects = seed_sd * rng.normal(size=(seeds, 1)) + sequence_sd * rng.normal(size=sequences)
        variances.append(bootstrap(effects + noise * rng.normal(size=(seeds, sequences)), 300).var())
    expected = seed_sd**2 / seeds + sequence_sd**2 / sequences + noise**2 / (seeds * sequences)
    # Above: the seeds' effect is never estimated below 0. Drawing the seeds as they are gives 2.0 for the first.
    assert 0.85 < np.mean(variances) / expected < 1.3


def test_only_common_seeds_and_sequences_are_compared():
    better, worse = scores(*[0.5] * 6, seeds=(0, 1, 2)), scores(*[0.4] * 7, seeds=(0, 2, 5))
    verdict = judge(better, worse, 0.01)
    assert (verdict.word, verdict.seeds, verdict.sequences) == ("supported", 2, 6)
    assert judge(better, {}, 0.01).word == "not measured"
    assert judge(better, scores(*[0.4] * 6, seeds=(7,)), 0.01).word == "not measured"


def test_holm_corrects_step_down():
    """By hand: .01 x 4, .02 x 3, .04 x 2, and .045 no less than the one before it."""
    adjusted = holm({"a": 0.04, "b": 0.01, "c": 0.045, "d": 0.02})
    assert adjusted == pytest.approx({"b": 0.04, "d": 0.06, "a": 0.08, "c": 0.08})
    assert holm({"a": 0.9, "b": 0.6}) == {"a": 1.0, "b": 1.0} and holm({}) == {}


def test_an_interval_of_one_row():
    assert interval({}) == (None, None, None)
    assert interval(scores(*[0.25] * 4, seeds=(0, 1))) == pytest.approx((0.25, 0.25, 0.25))


def numbers(auc, dp=0.5, count=8, seeds=1):
    return {seed: {f"s{i}": {"auc": auc + seed * 0.02, "dp": dp} for i in range(count)} for seed in range(seeds)}


def test_the_table_holds_published_measured_and_difference(tmp_path):
    path = tmp_path / "table3.csv"
    path.write_text("row,otb2015_auc,otb2015_dp\n1,0.6,0.8\n2,,\n")
    rows = {"row01": numbers(0.5, 0.7, seeds=2), "row02": numbers(0.4), "row03": {}}
    table = ablation.measured_table("T", rows, ablation.read_rows(path), {"OTB-2015": None}, "folder")
    first, second, third = table.rows
    # means of the seeds .50 and .52: .51, deviation .02 / √2
    auc = (0.6, pytest.approx(0.51), pytest.approx(0.02 / 2**0.5), pytest.approx(-0.09))
    dp = (0.8, pytest.approx(0.7), pytest.approx(0, abs=1e-12), pytest.approx(-0.1))
    assert first == ("row01", *auc, *dp, 2)
    assert second == ("row02", None, pytest.approx(0.4), None, None, None, 0.5, None, None, 1)
    assert third == ("row03", *[None] * 8, 0)
    assert "protocol" in to_csv(table).splitlines()[0]
    other = ablation.measured_table("T", rows, ablation.read_rows(path), {"here": None}, "folder")
    assert other.rows[0] == ("row01", *auc[:3], *dp[:3], 2)  # of other sequences: no difference from the paper


def test_rows_of_table_3_are_said_in_words(tmp_path):
    path = tmp_path / "table3.csv"
    path.write_text(
        "row,c3,c4,c5,def_c3,def_c4,def_c5,finetuned,stride,otb2015_auc,otb2015_dp\n"
        "1,1,0,0,0,0,0,1,8,0.6,0.8\n11,1,1,1,0,0,0,0,8,0.6,0.8\n15,1,1,1,1,0,1,1,4,0.6,0.8\n"
    )
    published = ablation.read_rows(path)
    table = ablation.measured_table("T", {row: {} for row in published}, published, {"here": None}, "folder")
    assert table.columns[1].head == "what"
    assert [row[1] for row in table.rows] == [
        "conv3, S 8",
        "conv3 conv4 conv5, S 8, not fine-tuned",
        "conv3 conv4 conv5, S 4, deformable conv3 conv5",
    ]


def test_a_benchmark_is_the_mean_of_its_sequences():
    rows = {"A": {0: {"a": {"auc": 0.2, "dp": 0.0}, "b": {"auc": 0.6, "dp": 1.0}}}}
    table = ablation.measured_table("T", rows, {}, {"OTB-2013": ["a"], "OTB-2015": None}, "matlab")
    heads = [column.head for column in table.columns]
    row = dict(zip(heads, table.rows[0]))
    assert (row["AUC, OTB-2013"], row["AUC, OTB-2015"]) == (0.2, pytest.approx(0.4))


def test_the_report_is_written_and_needs_no_other_file(tmp_path):
    claim = Claim("<one> is better", "Section 9", "t", "row01", "row02", note="but see")
    rows = {"row01": numbers(0.5), "row02": numbers(0.4)}
    outcome = ablation.Outcome("auc", "AUC", "AUC", 0.01, {row: ablation.scores_of(rows[row], "auc") for row in rows})
    tables = [ablation.measured_table("T", rows, {}, {"here": None}, "folder"), ablation.claims_table([claim], outcome)]
    document.write_document(tmp_path, "A & B", ["Not comparable.", "More."], tables)
    page = (tmp_path / "report.html").read_text()
    assert "&lt;one&gt; is better" in page
    assert 'class="supported"' in page
    assert "but see" in page
    assert "src=" not in page
    assert "supported" in (tmp_path / "claims_auc.csv").read_text()
    assert "A & B" in (tmp_path / "report.md").read_text()
    text = document.to_text(tables[1], skip=("where",))
    assert "supported" in text
    assert "Section 9" not in text


def test_two_runs_are_pooled_as_the_bootstrap_of_both_would():
    """44 sequences that add .15 of a seed's variance: seeds 0 and 1 pooled with seed 2 against all three at once."""
    rng = np.random.default_rng(3)
    difference = 0.01 + rng.normal(0, 0.015, 44) + rng.normal(0, 0.036, (3, 44))
    row = {seed: {f"s{i}": value for i, value in enumerate(values)} for seed, values in enumerate(difference)}
    zero = {seed: dict.fromkeys(names, 0.0) for seed, names in row.items()}
    runs = [judge({seed: row[seed] for seed in seeds}, zero, 0.01) for seeds in ((0, 1), (2,))]
    both, all_three = pool(runs, 0.01), judge(row, zero, 0.01)
    assert both.difference == pytest.approx(all_three.difference, abs=0.001)
    assert both.high - both.low == pytest.approx(all_three.high - all_three.low, rel=0.15)
    assert both.high - both.low < min(run.high - run.low for run in runs)
    assert (both.seeds, both.sequences, both.word) == (3, 44, all_three.word)


def test_a_run_that_has_nothing_changes_nothing():
    verdict = Verdict("supported", 0.1, 0.05, 0.15, 0.001, 2, 44)
    missing = Verdict("not measured")
    assert pool([missing, verdict], 0.01) == pool([verdict, missing], 0.01) == verdict
    assert pool([missing, missing], 0.01) == missing
    few = Verdict("undecided", 0.1, 0.05, 0.15, 0.001, 2, 5)
    assert pool([verdict, few], 0.01).word == "undecided" and pool([verdict, verdict], 0.01).word == "supported"


def test_verdicts_of_another_run_are_read_and_pooled(tmp_path):
    same = {"table": "t", "where": "w", "better": "A", "worse": "B"}
    claims = [Claim("one, two", **same), Claim("three", "w", "t", "A", "C")]
    rows = {"A": scores(*[0.5, 0.6] * 8), "B": scores(*[0.4, 0.55] * 8)}
    outcome = ablation.Outcome("within_1", "pairs", "pairs", 0.01, rows)
    table = ablation.claims_table(claims, outcome)
    path = tmp_path / "claims_within_1.csv"
    path.write_text(to_csv(table))
    verdicts = ablation.read_verdicts(path)
    assert list(verdicts) == ["one, two"] and verdicts["one, two"] == judge(rows["A"], rows["B"], 0.01)
    pooled = ablation.claims_table(claims, outcome, None, verdicts)
    heads = [column.head for column in pooled.columns]
    row = dict(zip(heads, pooled.rows[0]))
    assert row["seeds"] == 2 and row["here"] == row["other run"] == pytest.approx(row["difference of pairs"])
    assert row["high"] - row["low"] < verdicts["one, two"].high - verdicts["one, two"].low
    assert (
        pooled.rows[1][4] == "not measured" and ablation.POOLED in pooled.notes and ablation.POOLED not in table.notes
    )
    path.write_text("claim,verdict\nx,y\n")
    with pytest.raises(InputError, match="holds no verdicts"):
        ablation.read_verdicts(path)


def test_rows_that_are_not_the_papers_are_not_judged():
    """Unless all rows were started alike; Holm's correction counts the others only."""
    good, bad = scores(*[0.5] * 8), scores(*[0.4] * 8)
    same = {"table": "t", "where": "w", "better": "A", "worse": "B"}
    claims = [Claim("one", **same), Claim("two", **same, not_comparable="other weights", comparable_start="random")]
    outcome = ablation.Outcome("auc", "AUC", "AUC", 0.01, {"A": good, "B": bad}, {50: {"A": bad, "B": bad}})
    table = ablation.claims_table(claims, outcome)
    assert [row[4] for row in table.rows] == ["supported", "not comparable"]
    assert table.rows[1][5] == pytest.approx(0.1) and table.rows[1][9] is None  # measured, not tested
    assert table.rows[0][9] == table.rows[0][8] and table.rows[0][-1] == 0
    assert "1 of 1 comparable claims" in table.notes[0] and any("other weights" in note for note in table.notes)
    assert [row[4] for row in ablation.claims_table(claims, outcome, "random").rows] == ["supported"] * 2


def test_matching_stands_beside_what_is_published():
    values = {0: {"a": 0.5, "b": 0.7}, 1: {"a": 0.6, "b": 0.8}}
    outcome = ablation.Outcome("within_1", "pairs", "within 1 cell", 0.01, {"row01": values, "row02": {}})
    outcomes = {"within_1": outcome.numbers, "loss": {"row01": {0: {"a": 1.0}}}}
    published = {"row01": {"otb2015_auc": "0.6"}}
    first, second = ablation.matching_table("T", outcomes, outcome, published, 10).rows
    assert first[:3] == ("row01", 0.6, pytest.approx(0.65)) and first[3] < 0.65 < first[4] and first[5:] == (1.0, 2)
    assert second == ("row02", None, None, None, None, None, 0)


def test_a_file_of_claims_is_checked(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(
        "- {table: t, better: a, worse: b, where: w, text: x}\n- {table: u, better: a, worse: b, where: w, text: y}\n"
    )
    assert [claim.text for claim in read_claims(path, "t")] == ["x"]
    for text in ("- {table: t}", "- {table: t, better: a, worse: b, where: w, text: x, extra: 1}", "3", "[1]", "{"):
        path.write_text(text)
        with pytest.raises(InputError, match="claims"):
            read_claims(path, "t")
    with pytest.raises(InputError, match="claims"):
        read_claims(tmp_path / "none.yaml", "t")
