import dataclasses
import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from experiments import comparisons
from experiments.call import Call
from experiments.sizes import Comparison, Evaluation, read_size
from experiments.targets import TARGETS
from rar_gluon import config as configuration
from rar_gluon.common import InputError
from rar_gluon.data import otb
from rar_gluon.data.sequence import Sequence, shortened, write_boxes


def counting(first, count):
    """Boxes whose x is the number of the image."""
    numbers = np.arange(first, first + count, dtype=float)
    return np.stack([numbers, 0 * numbers + 5, 0 * numbers + 20, 0 * numbers + 10], axis=1)


def sequence_of(name):
    entry = otb.ENTRIES[name]
    first = entry.first + entry.initial_omit
    count = entry.last - first + 1
    frames = [np.zeros((40, 60, 3), np.uint8)] * count
    return Sequence(name, frames, counting(first, count), entry.attribute_list("matlab"), origin=1)


@pytest.mark.parametrize("frames", [25, 10000])
@pytest.mark.parametrize(
    "name, first, rows", [("David", 300, 471), ("David", 1, 770), ("Tiger1", 1, 354), ("Tiger1", 6, 349)]
)
def test_published_boxes_meet_their_frames(tmp_path, name, first, rows, frames):
    write_boxes(tmp_path / f"{name}.txt", counting(first, rows))
    sequence = shortened(sequence_of(name), frames)
    published = comparisons.read_published_boxes(tmp_path, [sequence])[name]
    np.testing.assert_array_equal(published, sequence.boxes)


def test_published_boxes_that_end_early_are_misses(tmp_path):
    write_boxes(tmp_path / "deer.txt", counting(1, 70))
    published = comparisons.read_published_boxes(
        tmp_path, [sequence_of("Deer"), Sequence("mine", [], np.zeros((0, 4)))]
    )
    assert list(published) == ["Deer"] and len(published["Deer"]) == 71


def test_boxes_of_other_sequences_are_not_taken_for_these(tmp_path):
    comparisons.keep_evaluation(tmp_path, {"frames": 3})
    comparisons.keep_evaluation(tmp_path, {"frames": 3})
    with pytest.raises(InputError, match="--boxes"):
        comparisons.keep_evaluation(tmp_path, {"frames": 4})


COMPARISON = Comparison(
    tracker="opencv-mosse",  # in our tracker's place: quick
    peers=("opencv-kcf",),
    sequences=Evaluation(8, synthetic=2, seed=3),
    supervised=Evaluation(115, synthetic=1, seed=3, seen=True),
    repetitions=1,
)


@pytest.fixture
def call(tmp_path, peer_in_our_place):
    """Make a target at size quick, with trackers of OpenCV on small synthetic sequences."""

    def make(target, size="quick", dry_run=False, **changes):
        chosen = replace(read_size(size), comparison=COMPARISON)
        made, call = TARGETS[target], Call(target, chosen, tmp_path / target, tmp_path / "boxes", **changes)
        return print(made.plan(call)) if dry_run else made.make(call, f"Title of {target}")

    return make


def test_a_tracker_of_ones_own_is_compared_too(call, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "standing.py").write_text(
        "class Stone:\n    def init(self, frame, box):\n        self.box = box\n\n"
        "    def update(self, frame):\n        return self.box\n"
    )
    assert call("table2", trackers=("standing:Stone",)) == 0
    assert "Stone" in capsys.readouterr().out and len(list((tmp_path / "boxes" / "Stone").glob("*.txt"))) == 2
    with pytest.raises(InputError, match="two trackers are named opencv-kcf"):
        call("table2", trackers=("opencv-kcf",))


def test_table_and_figures_are_made_of_the_same_boxes(call, tmp_path, capsys):
    assert call("table2") == 0
    text = capsys.readouterr().out
    assert "NOT comparable" in text and "opencv-mosse" in text and "0.664" in text
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "boxes").glob("*/*.txt")}
    assert len(before) == 4
    assert call("fig7") == 0 and call("fig8_9") == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    for name in ("fig7/attributes_success.png", "fig8_9/fig8.png", "fig8_9/fig9.png", "fig8_9/failures.csv"):
        assert (tmp_path / name).stat().st_size > 100
    assert "Title of fig7" in (tmp_path / "fig7" / "report.html").read_text()


def test_a_tracker_that_lacks_a_sequence_is_said(call, tmp_path, capsys):
    """One that failed: its boxes are absent, the rest is reported, and the status is 1."""
    real = comparisons.runner.run

    def failing(make, sequences, folder, *rest):
        finished = real(make, sequences[:1] if folder.name == "opencv-kcf" else sequences, folder, *rest)
        broken = comparisons.runner.Finished(sequences[1].name, 8, 0.0, "Traceback\nValueError: broken")
        return [*finished, broken] if folder.name == "opencv-kcf" else finished

    comparisons.runner.run, kept = failing, comparisons.runner.run
    try:
        assert call("table2") == 1
    finally:
        comparisons.runner.run = kept
    text = capsys.readouterr().out
    assert "opencv-kcf failed on synthetic-000001: ValueError: broken" in text and "1 of the 2 sequences" in text
    assert "Traceback" not in text


def test_eao_is_ranked(call, tmp_path, capsys):
    assert call("fig10") == 0
    text = capsys.readouterr().out
    assert "rules of VOT2016" in text and "RAR (not measured)" in text and "0.329" in text
    assert (tmp_path / "fig10" / "eao_vot2017.png").is_file()
    assert json.loads((tmp_path / "boxes" / "supervised" / "evaluation.json").read_text())["frames"] == 115


def test_results_that_run_here_too_are_refused_before_the_work(call, tmp_path):
    write_boxes(tmp_path / "raw" / "opencv-kcf" / "Deer.txt", counting(1, 71))
    with pytest.raises(InputError, match="opencv-kcf"):
        call("table2", results=tmp_path / "raw")
    assert not (tmp_path / "boxes").exists()


def test_our_tracker_at_full_size_needs_its_weights(tmp_path):
    full = Call("table2", read_size("full"), tmp_path / "table2-full", tmp_path)
    with pytest.raises(InputError, match="run_table3.sh"):
        comparisons.our_tracker(full)
    weights = tmp_path / "table3-full" / "row13" / "seed0" / "training" / "last.npz"
    weights.parent.mkdir(parents=True)
    weights.touch()
    trained = configuration.from_dict({"network": {"width": 0.25}, "tracking": {"scales": 5}})
    weights.with_name("run.json").write_text(json.dumps({"config": configuration.to_dict(trained)}))
    assert comparisons.our_tracker(full) == ("RAR", trained, weights)
    name, config, path = comparisons.our_tracker(replace(full, weights=weights))
    assert (name, path) == ("RAR", weights) and config.endswith("table2/config.yaml")


def test_at_full_size_both_lists_of_otb_stand_in_the_table(call, tmp_path, monkeypatch, capsys, texture):
    """On two short sequences in OTB's place: Deer is in OTB-2013, Dog is not; images keep OTB's numbers."""
    made = [shortened(sequence_of(name), 12) for name in ("Deer", "Dog")]
    made = [dataclasses.replace(sequence, frames=[texture(60, 80, seed=i) for i in range(12)]) for sequence in made]
    made[1].boxes[:, 0] += 4 * np.arange(12)  # faster, so that the lists' means differ
    monkeypatch.setattr(comparisons, "sequences_of", lambda _: made)
    monkeypatch.setattr(comparisons, "our_tracker", lambda _: ("RAR", "opencv-mosse", None))
    assert call("table2", size="full") == 0
    rows = (tmp_path / "table2" / "table2.csv").read_text().splitlines()
    head, ours = rows[0], next(row for row in rows if row.startswith("RAR,"))
    assert '"AUC, OTB-2013","DP, OTB-2013","AUC, OTB-2015","DP, OTB-2015"' in head
    assert ours.startswith("RAR,0.682,0.896,0.664,0.873,,,,,") and ours.split(",")[9] != ours.split(",")[11] != ""
    assert call("fig8_9", size="full") == 0
    assert "Where RAR is worst" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["table2", "fig1_2", "fig10"])
def test_a_plan_is_printed_at_full_size(call, target, capsys):
    call(target, size="full", dry_run=True)
    assert target in capsys.readouterr().out
