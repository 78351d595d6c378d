"""The selection set: what it holds, where its segments begin, and what its made sequences have."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.sequence import Sequence
from rar_gluon.data.synthetic.pictures import name_share
from recipes.rar_thin import sets

HELD_OUT = Path(sets.__file__).with_name("held_out.txt").read_text().split()


def test_real_targets_have_one_kind_each():
    kinds = sets.read_kinds()
    assert set(kinds) | {"segments", "made"} == set(sets.SETS)
    targets = [target for by_kind in kinds.values() for names in by_kind.values() for target in names]
    assert len(targets) == len(set(targets)) == 37 + 31 + 9
    assert sorted(target for names in kinds["held_out"].values() for target in names) == sorted(HELD_OUT)
    counts = Counter(kind for by_kind in kinds.values() for kind, names in by_kind.items() for _ in names)
    assert min(counts.values()) >= 3  # a kind of one target would give it a whole vote


def sequence(length, absent=()):
    """Frames that are their own numbers; the box begins at the frame's number."""
    boxes = np.arange(length)[:, None] * [1.0, 0, 0, 0] + [0, 0, 5, 6]
    for first, last in absent:
        boxes[first : last + 1] = np.nan
    return Sequence("walk", list(range(length)), boxes)


def test_segments_begin_where_the_target_is():
    found = sets.segments(sequence(260, [(95, 106), (190, 215), (255, 259)]))
    assert [part.name for part in found] == ["walk@50", "walk@107", "walk@150", "walk@216"]
    for part in found:
        assert list(part.frames) == list(range(int(part.boxes[0, 0]), int(part.boxes[-1, 0]) + 1))
        assert len(part.frames) == len(part) <= 100
    assert [int(part.boxes[-1, 0]) for part in found] == [149, 189, 249, 254]  # they end with the target, too
    assert [len(part) for part in sets.segments(sequence(169))] == [100, 69]  # 19 frames from 150 on are too few
    assert sets.segments(sequence(120, [(55, 119)])) == []


@pytest.fixture(scope="module")
def stills(tmp_path_factory, texture):
    """Photographs that are held out, each of an ellipse, and one that is not."""
    folder = tmp_path_factory.mktemp("photographs")
    names = [f"thing_{number}" for number in range(300)]
    held_out = [name for name in names if name_share(name) < 0.05][:8]
    for seed, name in enumerate([*held_out, next(name for name in names if name_share(name) > 0.05)]):
        mask = np.zeros((160, 200), np.uint8)
        cv2.ellipse(mask, (100, 80), (70, 28 + 5 * seed), 90 * (seed % 2), 0, 360, 255, -1)
        cv2.imwrite(str(folder / f"{name}.png"), mask)
        cv2.imwrite(str(folder / f"{name}.jpg"), texture(160, 200, seed))
    return folder


def test_made_sequences_have_what_their_kind_says(stills, monkeypatch):
    monkeypatch.setattr(sets, "COUNT", 2)
    runs = sets.made_runs([stills])
    assert [run.kind for run in runs] == [kind for kind in sets.MADE for _ in range(2)]
    again = sets.made_runs([stills])
    for run, other in zip(runs, again):
        np.testing.assert_array_equal(run.sequence.boxes, other.sequence.boxes)
    for run, other in zip(runs, sets.open_runs(["made"], [], [stills], draw=1)):
        assert run.kind == other.kind and not np.array_equal(run.sequence.boxes, other.sequence.boxes)
    by_kind = {}
    for run in runs:
        by_kind.setdefault(run.kind, []).append(run.sequence)
    np.testing.assert_array_equal(next(iter(by_kind["made_blur"][1].frames)), next(iter(again[9].sequence.frames)))
    for kind, own in by_kind.items():
        for one in own:
            size = np.sqrt(one.boxes[:, 2:].prod(axis=1))
            hidden = np.isnan(size)
            assert hidden.any() == (kind == "made_hidden") and not hidden[:10].any() and not hidden[-15:].any()
            assert (np.nanmax(size) > 1.1 * np.nanmin(size)) == (kind == "made_changing")
            assert (np.nanmax(size) < 15) == (kind == "made_small")
    slow, fast = (
        np.abs(np.diff(by_kind[kind][0].boxes[:, :2], axis=0)).mean() for kind in ("made_alike", "made_thin_fast")
    )
    assert fast > 2 * slow
    width, height = np.vstack([one.boxes for one in by_kind["made_thin_fast"]])[:, 2:].T
    assert (np.maximum(width / height, height / width) > 1.5).all()


def test_what_cannot_be_opened(stills, tmp_path, refusal):
    assert "--sets is 'grund'" in refusal(sets.open_runs, ["grund"], [], [])
    assert "with --stills" in refusal(sets.open_runs, ["made"], [], [])
    assert "in 0 of the folders" in refusal(sets.open_runs, ["more"], [], [])
    assert "--frames is 1" in refusal(sets.open_runs, ["made"], [], [stills], 1)
    with pytest.raises(InputError, match="none in the share"):
        for path in stills.glob("*"):
            if name_share(path.stem) > 0.05:
                (tmp_path / path.name).write_bytes(path.read_bytes())
        sets.made_runs([tmp_path])
