"""The table of the claims is what the scores by sequence say."""

import csv
import re

import numpy as np
import pytest

from experiments import claims_page as claims
from experiments import pages
from experiments.measures import by_number, read_numbers

ROWS = pages.RESULTS / "rows"


@pytest.fixture(scope="module")
def judged():
    return claims.judged_claims(ROWS)


def test_the_committed_pages_are_made_of_the_scores(judged):
    for path, text in pages.pages(judged).items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run python -m experiments.pages"


def test_a_row_a_comparable_claim():
    with open(pages.RESULTS / "claims.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 25 and len({line["claim"] for line in lines}) == 25
    counted = {word: sum(line["matching_verdict"] == word for line in lines) for word in claims.WORDS}
    assert counted == {"supported": 11, "contradicted": 3, "equivalent": 6, "undecided": 5}


def test_a_difference_is_that_of_the_means_by_sequence(judged):
    """By an independent route: stride 8 and 4, which one run alone matched, and a difference that was tracked."""
    one = next(one for one in judged if one.claim.text == "stride 4 is worse than 8")
    matched = by_number(read_numbers(ROWS / "matching" / "table3" / "by_sequence.csv"), "within_1")
    mean = [np.mean(list(matched[row][3].values())) for row in ("row09", "row10")]
    assert one.verdicts["matching"].difference == pytest.approx(mean[0] - mean[1])
    assert one.paper == pytest.approx(0.651 - 0.608)
    tracked = by_number(read_numbers(ROWS / "tracking" / "table3" / "by_sequence.csv"), "auc")
    mean = [np.mean(list(tracked[row][3].values())) for row in ("row09", "row10")]
    assert one.verdicts["tracking"].difference == pytest.approx(mean[0] - mean[1])


def test_disagreements_are_named(judged):
    told = claims.disagreements(judged)
    assert "Deformable conv4 beats conv3: supported by matching, equivalent by tracking." in told and len(told) == 2


def test_readme_counts_as_the_table_does(judged):
    text = (pages.RESULTS.parents[1] / "README.md").read_text(encoding="utf-8")
    counts = claims.counts(judged, "matching")
    named = {
        word: int(number)
        for number, word in re.findall(r"(\d+)\s+(?:are |is )?(supported|contradicted|equivalent|undecided)", text)
    }
    assert named == counts


def test_a_picture_has_a_panel_a_way(judged):
    figure = claims.picture(judged)
    assert len(figure.axes) == 3 and len(figure.axes[0].get_yticks()) == 25


def test_only_what_lies_between_marks_is_made_anew():
    text = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    assert pages.filled(text, {"x": "new", "y": "no"}) == "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nb\n"
