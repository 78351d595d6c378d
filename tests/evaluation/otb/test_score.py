import json
import os
from pathlib import Path

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.sequence import Sequence as Video
from rar_gluon.evaluation.otb.ope import evaluate
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.evaluation.otb.results import read_results, tracker_folders
from rar_gluon.evaluation.otb.score import format_scores, score_otb, scores_to_dict
from rar_gluon.evaluation.sequences import score_sequences

NAMES = ["Deer", "Jogging-1", "Human4-2", "CarDark"]


@pytest.fixture
def annotations(write_folder, truth_of):
    return write_folder("anno", {f"{name}.txt": truth_of(name) for name in NAMES})


def test_results_in_any_spelling_of_the_names(annotations, write_folder, truth_of):
    spellings = {
        "dash": ["Deer", "Jogging-1", "Human4-2", "CarDark"],
        "underscore": ["deer", "Jogging_1", "Human4_2", "carDark"],
        "dot": ["Deer", "jogging.1", "Human4", "cardark"],
        "none": ["Deer", "Jogging1", "human4", "CarDark"],
    }
    for tracker, files in spellings.items():
        write_folder(f"results/{tracker}", {f"{f}.txt": truth_of(n) for f, n in zip(files, NAMES)})
    scores = score_otb(annotations.parent / "results", annotations, sequences=NAMES)
    assert set(scores.trackers) == set(spellings)
    for tracker in scores.trackers.values():
        assert tracker.overall.auc == pytest.approx(20 / 21)
        assert tracker.overall.dp == 1 and not tracker.notes and not tracker.missing


def test_one_trackers_folder_is_enough(annotations, write_folder, truth_of):
    folder = write_folder("results/mine", {f"{name}.txt": truth_of(name) for name in NAMES})
    assert list(tracker_folders(folder)) == ["mine"]
    assert list(score_otb(folder, annotations, sequences=NAMES).trackers) == ["mine"]


def test_missing_results_raise_and_name_the_sequences(annotations, write_folder, truth_of):
    folder = write_folder("results/mine", {"Deer.txt": truth_of("Deer")})
    with pytest.raises(InputError, match=r"mine lacks 3 of 4 sequences \(Jogging-1, Human4-2, CarDark\)"):
        score_otb(folder, annotations, sequences=NAMES)
    score = score_otb(folder, annotations, sequences=NAMES, allow_missing=True).trackers["mine"]
    assert score.missing == ("Jogging-1", "Human4-2", "CarDark") and list(score.sequences) == ["Deer"]
    assert "nothing to score: Jogging-1" in format_scores(
        score_otb(folder, annotations, sequences=NAMES, allow_missing=True)
    )
    (annotations.parent / "results" / "empty").mkdir()
    with pytest.raises(InputError, match="empty lacks 4 of 4"):
        score_otb(annotations.parent / "results", annotations, sequences=NAMES, allow_missing=True)


def test_missing_annotations_raise(annotations, write_folder, truth_of):
    folder = write_folder("results/mine", {f"{name}.txt": truth_of(name) for name in [*NAMES, "Skiing"]})
    with pytest.raises(InputError, match=r"anno lacks the boxes of 1 of 5 sequences \(Skiing\)"):
        score_otb(folder, annotations, sequences=[*NAMES, "Skiing"])
    score = score_otb(folder, annotations, sequences=[*NAMES, "Skiing"], allow_missing=True).trackers["mine"]
    assert score.missing == ("Skiing",)


def test_two_files_for_one_sequence(write_folder, truth_of):
    folder = write_folder("mine", {"jogging_1.txt": truth_of("Deer"), "jogging.1.txt": truth_of("Deer")})
    with pytest.raises(InputError, match="both stand for Jogging-1"):
        read_results(folder, ["Jogging-1"])
    write_folder("mine", {"Jogging-1.txt": truth_of("Jogging-1")})
    assert len(read_results(folder, ["Jogging-1"])[0]["Jogging-1"]) == 307


def test_no_results_at_all(tmp_path):
    with pytest.raises(InputError, match="holds no tracker"):
        tracker_folders(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        tracker_folders(tmp_path / "nowhere")


# Tiger1: 354 frames, of which the MATLAB toolkit leaves out 5 ---------------------------------------------------------


@pytest.mark.parametrize("truth_rows", [354, 349])
@pytest.mark.parametrize("result_rows", [354, 349])
@pytest.mark.parametrize("protocol, begin", [("matlab", 5), ("pysot", 5), ("pytracking", 5), ("got10k", 0)])
def test_tiger1(write_folder, truth_of, truth_rows, result_rows, protocol, begin):
    """The tracker fails in frames 3 and 8 of the video: 1 failure of 349 frames, or 2 of 354."""
    truth = truth_of("Tiger1", 354)
    result = truth.copy()
    result[[2, 7]] = [1000, 1000, 40, 30]
    annotations = write_folder("anno", {"Tiger1.txt": truth[-truth_rows:]})
    folder = write_folder("mine", {"Tiger1.txt": result[-result_rows:]})
    score = score_otb(folder, annotations, protocol, ["Tiger1"]).trackers["mine"]
    begin = max(begin, 354 - truth_rows, 354 - result_rows)
    assert score.overall.dp == pytest.approx(1 - (1 / 349 if begin else 2 / 354))
    assert bool(score.notes) == (protocol == "got10k" and begin == 5)


def test_whole_video_where_the_truth_is_a_range(write_folder, truth_of):
    """David's 770 images hold the range 300-770."""
    boxes = truth_of("David", 770)
    annotations = write_folder("anno", {"David.txt": boxes[299:]})
    for rows in (boxes, boxes[299:]):
        score = score_otb(write_folder("mine", {"David.txt": rows}), annotations, sequences=["David"])
        assert score.trackers["mine"].overall.dp == 1
    write_folder("anno", {"David.txt": boxes})
    assert score_otb(annotations.parent / "mine", annotations, sequences=["David"]).trackers["mine"].overall.dp == 1


def test_other_lengths_follow_the_rule_and_are_noted(write_folder, truth_of):
    annotations = write_folder("anno", {"Deer.txt": truth_of("Deer")})
    folder = write_folder("mine", {"Deer.txt": truth_of("Deer")[:50]})
    score = score_otb(folder, annotations, sequences=["Deer"]).trackers["mine"]
    assert score.overall.dp == pytest.approx(50 / 71)
    assert score.notes == ("Deer has 50 boxes for 71 frames: miss.",)
    assert score_otb(folder, annotations, "got10k", ["Deer"]).trackers["mine"].overall.dp == 1
    with pytest.raises(InputError, match="mine: Deer: 50 boxes for 71 frames"):
        score_otb(folder, annotations, "pysot", ["Deer"])
    write_folder("anno", {"Deer.txt": truth_of("Deer")[:70]})
    with pytest.raises(InputError, match=r"Deer.txt has 70 boxes; the benchmark's Deer has 71"):
        score_otb(folder, annotations, sequences=["Deer"])


# Attributes, output ---------------------------------------------------------------------------------------------------


def test_attributes_table_and_json(write_folder, truth_of):
    """Crossing: SV, DEF, BC, and on the website OPR, FM too. Deer: MB, FM, IPR, BC, LR."""
    annotations = write_folder("anno", {f"{name}.txt": truth_of(name) for name in ("Crossing", "Deer")})
    lost = np.vstack([truth_of("Deer")[:1], np.tile([900.0, 900, 40, 30], (70, 1))])
    folder = write_folder("mine", {"Crossing.txt": truth_of("Crossing"), "Deer.txt": lost})
    scores = score_otb(folder, annotations, sequences=["Crossing", "Deer"])
    deer = 1 / 71
    expected = {"SV": 1, "DEF": 1, "MB": deer, "FM": deer, "IPR": deer, "BC": (1 + deer) / 2, "LR": deer}
    assert {key: value.dp for key, value in scores.trackers["mine"].attributes.items()} == pytest.approx(expected)
    website = score_otb(folder, annotations, sequences=["Crossing", "Deer"], attributes="website").trackers["mine"]
    expected.update(OPR=1, FM=(1 + deer) / 2)
    assert {key: value.dp for key, value in website.attributes.items()} == pytest.approx(expected)
    with pytest.raises(InputError, match="'papers' is no attribute list"):
        score_otb(folder, annotations, sequences=["Deer"], attributes="papers")

    text = format_scores(scores, by_attribute=True, by_sequence=True)
    assert text.startswith("2 sequences, protocol matlab\ntracker    AUC  DP@20  SR@0.5  NP@0.2  sequences\n")
    assert "mine     0.483  0.507   0.507   0.507          2\n" in text
    assert "AUC by attributes (matlab list)" in text and "DP@20 by sequences" in text
    data = json.loads(json.dumps(scores_to_dict(scores), allow_nan=False))
    assert data["protocol"]["name"] == "matlab" and len(data["overlap_thresholds"]) == 21
    assert data["trackers"]["mine"]["dp"] == pytest.approx((1 + deer) / 2)
    assert data["trackers"]["mine"]["sequences"]["Crossing"]["auc"] == pytest.approx(20 / 21)
    assert len(data["trackers"]["mine"]["precision_curve"]) == 51


# Real raw results -----------------------------------------------------------------------------------------------------

RECOMPUTED = {  # AUC, DP@20 on OTB-2013, TB-50, OTB-2015 under the MATLAB rules
    "SiamFC-3s": (0.607, 0.809, 0.516, 0.692, 0.582, 0.771),
    "SiamRPN": (0.655, 0.883, 0.585, 0.810, 0.632, 0.850),
    "DaSiamRPN": (0.656, 0.890, 0.604, 0.830, 0.658, 0.881),
    "SRDCF": (0.626, 0.838, 0.539, 0.732, 0.598, 0.789),
    "Staple": (0.600, 0.793, 0.509, 0.681, 0.581, 0.784),
    "KCF": (0.514, 0.740, 0.403, 0.611, 0.477, 0.696),
}
PYSOT = {  # AUC, DP@20 on OTB-2013 and OTB-2015 under pysot's rules
    "SiamFC-3s": (0.607, 0.809, 0.582, 0.771),
    "SiamRPN": (0.652, 0.880, 0.629, 0.847),
    "DaSiamRPN": (0.656, 0.890, 0.658, 0.880),
    "SRDCF": (0.626, 0.838, 0.598, 0.789),
    "Staple": (0.600, 0.793, 0.581, 0.783),
    "KCF": (0.514, 0.740, 0.477, 0.695),
}


@pytest.mark.slow
@pytest.mark.skipif("RAR_DATA" not in os.environ, reason="RAR_DATA names no folder with OTB raw results")
@pytest.mark.parametrize(
    "protocol, lists, expected",
    [("matlab", ("otb2013", "tb50", "otb2015"), RECOMPUTED), ("pysot", ("otb2013", "otb2015"), PYSOT)],
)
def test_public_raw_results(protocol, lists, expected):
    data = Path(os.environ["RAR_DATA"])
    measured = {tracker: [] for tracker in expected}
    for sequences in lists:
        scores = score_otb(data / "otb_raw_results", data / "otb_annotations", protocol, sequences)
        for tracker, score in scores.trackers.items():
            measured[tracker] += [score.overall.auc, score.overall.dp]
    for tracker, values in expected.items():
        np.testing.assert_allclose(measured[tracker], values, atol=0.00051, err_msg=tracker)


def test_any_sequences_are_scored_on_their_annotated_frames():
    """Against `evaluate` on the frames picked by hand; attributes are the boxes' where nobody gave any."""
    truth = np.tile([10.0, 10, 30, 30], (4, 1))
    gap = truth.copy()
    gap[2] = np.nan
    frames = [np.zeros((60, 60, 3), np.uint8)] * 4
    sequences = [Video("a", frames, truth), Video("b", frames, gap)]
    near, far = truth + np.array([3, 0, 0, 0]), truth + np.array([25, 0, 0, 0])
    protocol = load_protocol()
    scores = score_sequences({"near": {"a": near, "b": near}, "far": {"a": far}}, sequences, "two", protocol)
    assert list(scores.trackers) == ["near", "far"] and scores.attribute_list == "boxes"
    assert scores.carried == {"a": (), "b": ("OV",)}
    kept = [0, 1, 3]
    assert scores.trackers["near"].sequences["b"].auc == evaluate(near[kept], truth[kept], protocol).auc
    assert scores.trackers["near"].attributes["OV"].auc == scores.trackers["near"].sequences["b"].auc
    assert scores.trackers["far"].missing == ("b",)
    named = [Video("a", frames, truth, ("OCC",)), Video("b", frames, gap)]
    assert score_sequences({"near": {"a": near}}, named, "two", protocol).carried == {"a": ("OCC",)}
    with pytest.raises(InputError, match="none of the 2"):
        score_sequences({"empty": {}}, sequences, "two", protocol)
