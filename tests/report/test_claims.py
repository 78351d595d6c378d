import pytest

from rar_gluon.common import InputError
from rar_gluon.report import ablation, document
from rar_gluon.report.claims import Claim, judge, read_claims, sign_test
from rar_gluon.report.tables import to_csv


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),  # 2 · 1/2
        (5, 0, 2 / 32),
        (6, 0, 2 / 64),
        (7, 1, 2 * (1 + 8) / 256),
        (9, 1, 2 * (1 + 10) / 1024),
        (1, 9, 2 * (1 + 10) / 1024),
        (5, 5, 1.0),
        (8, 2, 2 * (1 + 10 + 45) / 1024),
    ],
)
def test_the_sign_test_counts_binomial_tails(wins, losses, p):
    assert sign_test([0.1] * wins + [-0.2] * losses + [0.0] * 3) == (wins, losses, pytest.approx(p))


def scores(*values, seeds=(0,)):
    return {seed: {f"s{index}": value for index, value in enumerate(values)} for seed in seeds}


def test_a_claim_is_supported_contradicted_or_undecided():
    low, high = scores(*[0.4] * 8), scores(*[0.5] * 8)
    found = judge(high, low)
    assert (found.word, found.wins, found.losses) == ("supported", 8, 0)
    assert found.difference == pytest.approx(0.1)
    assert judge(low, high).word == "contradicted"
    assert judge(scores(*[0.5] * 5), scores(*[0.4] * 5)).word == "undecided"  # 2/32 is above 0.05
    assert judge(high, high).p == 1.0


def test_mean_and_sign_test_must_agree():
    better = scores(*[0.5] * 9, 0.0)
    worse = scores(*[0.49] * 9, 1.0)
    found = judge(better, worse)
    assert found.p < 0.05
    assert found.difference < 0
    assert found.word == "undecided"


def test_seeds_are_averaged_and_only_common_ones_are_compared():
    better, worse = scores(*[0.5] * 6, seeds=(0, 1, 2)), scores(*[0.4] * 7, seeds=(0, 2, 5))
    found = judge(better, worse)
    assert (found.seeds, found.sequences, found.wins) == (2, 6, 6)
    assert found.word == "supported"
    assert judge(better, {}).word == "not measured"
    assert judge(better, scores(*[0.4] * 6, seeds=(7,))).word == "not measured"


def test_a_sequence_counts_once_however_many_seeds_it_has():
    """Three sequences with three seeds each are three samples, not nine."""
    better, worse = scores(*[0.5] * 3, seeds=(0, 1, 2)), scores(*[0.4] * 3, seeds=(0, 1, 2))
    assert judge(better, worse).p == pytest.approx(2 / 8)
    better = {0: {"a": 0.5}, 1: {"a": 0.5}}
    worse = {0: {"a": 0.7}, 1: {"a": 0.4}}  # lost by more than won
    assert (judge(better, worse).wins, judge(better, worse).losses) == (0, 1)


def numbers(auc, dp=0.5, count=8, seeds=1):
    return {seed: {f"s{i}": {"auc": auc + seed * 0.02, "dp": dp} for i in range(count)} for seed in range(seeds)}


def test_the_table_holds_published_measured_and_difference(tmp_path):
    path = tmp_path / "table3.csv"
    path.write_text("row,otb2015_auc,otb2015_dp\n1,0.6,0.8\n2,,\n")
    rows = {"row01": numbers(0.5, 0.7, seeds=2), "row02": numbers(0.4), "row03": {}}
    table = ablation.measured_table("T", rows, ablation.read_rows(path), {"here": None})
    first, second, third = table.rows
    # means of the seeds .50 and .52: .51, deviation .02 / √2
    auc = (0.6, pytest.approx(0.51), pytest.approx(0.02 / 2**0.5), pytest.approx(-0.09))
    dp = (0.8, pytest.approx(0.7), pytest.approx(0, abs=1e-12), pytest.approx(-0.1))
    assert first == ("row01", *auc, *dp, 2)
    assert second == ("row02", None, pytest.approx(0.4), None, None, None, 0.5, None, None, 1)
    assert third == ("row03", *[None] * 8, 0)
    assert "protocol" in to_csv(table).splitlines()[0]


def test_rows_of_table_3_are_said_in_words(tmp_path):
    path = tmp_path / "table3.csv"
    path.write_text(
        "row,c3,c4,c5,def_c3,def_c4,def_c5,finetuned,stride,otb2015_auc,otb2015_dp\n"
        "1,1,0,0,0,0,0,1,8,0.6,0.8\n11,1,1,1,0,0,0,0,8,0.6,0.8\n15,1,1,1,1,0,1,1,4,0.6,0.8\n"
    )
    published = ablation.read_rows(path)
    table = ablation.measured_table("T", {row: {} for row in published}, published, {"here": None})
    assert table.columns[1].head == "what"
    assert [row[1] for row in table.rows] == [
        "conv3, S 8",
        "conv3 conv4 conv5, S 8, not fine-tuned",
        "conv3 conv4 conv5, S 4, deformable conv3 conv5",
    ]


def test_a_benchmark_is_the_mean_of_its_sequences():
    rows = {"A": {0: {"a": {"auc": 0.2, "dp": 0.0}, "b": {"auc": 0.6, "dp": 1.0}}}}
    table = ablation.measured_table("T", rows, {}, {"OTB-2013": ["a"], "OTB-2015": None})
    heads = [column.head for column in table.columns]
    row = dict(zip(heads, table.rows[0]))
    assert (row["AUC, OTB-2013"], row["AUC, OTB-2015"]) == (0.2, pytest.approx(0.4))


def test_the_report_is_written_and_needs_no_other_file(tmp_path):
    claim = Claim("<one> is better", "Section 9", "t", "row01", "row02", note="but see")
    rows = {"row01": numbers(0.5), "row02": numbers(0.4)}
    tables = [ablation.measured_table("T", rows, {}, {"here": None}), ablation.claims_table([claim], rows)]
    document.write_document(tmp_path, "A & B", ["Not comparable.", "More."], tables)
    page = (tmp_path / "report.html").read_text()
    assert "&lt;one&gt; is better" in page
    assert 'class="supported"' in page
    assert "but see" in page
    assert "src=" not in page
    assert "supported" in (tmp_path / "claims.csv").read_text()
    assert "A & B" in (tmp_path / "report.md").read_text()
    text = document.to_text(tables[1], skip=("where",))
    assert "supported" in text
    assert "Section 9" not in text


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
