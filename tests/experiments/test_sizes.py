from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments import sizes
from experiments.cli import parse
from experiments.rows import row_names
from experiments.sizes import Evaluation, Matching
from experiments.targets import TARGETS
from rar_gluon import config as configuration
from rar_gluon.common import InputError

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
TABLES = [target.name for target in TARGETS.values() if target.trains]


@pytest.mark.parametrize("size", ["quick", "local", "full"])
def test_every_row_is_a_configuration_at_every_size(size):
    overlay = sizes.read_size(size).config
    for table in TABLES:
        for row in row_names(table):
            config = sizes.row_config(EXPERIMENTS / table / row / "config.yaml", overlay, 3)
            assert config.training.seed == 3
    for target in set(TARGETS) - set(TABLES):
        assert sizes.row_config(EXPERIMENTS / target / "config.yaml", overlay, 3)


def test_at_full_size_a_row_is_its_file():
    for table in TABLES:
        for row in row_names(table):
            path = EXPERIMENTS / table / row / "config.yaml"
            assert sizes.row_config(path, {}, 0) == configuration.load(path)


def test_rows_of_two_tables_are_one():
    def config(table, row):
        return sizes.row_config(EXPERIMENTS / table / row / "config.yaml", {}, 0)

    assert config("table4", "RAR") == config("table3", "row13") == configuration.load(EXPERIMENTS / "rar.yaml")
    assert config("table4", "RAR_ResNet") == config("table3", "row07")


def test_the_row_of_what_ships_is_what_ships():
    row, preset = configuration.load(EXPERIMENTS / "extra" / "rar_thin" / "config.yaml"), configuration.load("rar_thin")
    assert (row.network, row.filter, row.tracking) == (preset.network, preset.filter, preset.tracking)


def test_a_row_changes_the_size_and_not_the_other_way():
    overlay = sizes.read_size("quick").config
    image = sizes.row_config(EXPERIMENTS / "extra" / "context_image" / "config.yaml", overlay, 0)
    vgg = sizes.row_config(EXPERIMENTS / "table4" / "RAR_VGG" / "config.yaml", overlay, 0)
    assert (image.filter.context_source, image.network.width) == ("image", 0.5)
    assert (vgg.network.backbone, vgg.network.width) == ("vgg_m", 1.0)
    frozen = sizes.row_config(EXPERIMENTS / "table3" / "row11" / "config.yaml", overlay, 0)
    assert len(frozen.training.frozen) == 5


def test_synthetic_sequences_are_made_and_cut():
    sequences = sizes.sequences_of(Evaluation(7, synthetic=3, seed=4))
    assert [len(sequence) for sequence in sequences] == [7, 7, 7]
    seen = sizes.sequences_of(Evaluation(30, synthetic=2, seed=4, seen=True))
    assert all(np.isfinite(sequence.boxes).all() for sequence in seen)


def test_a_folder_of_otb_is_read_as_otb(tmp_path):
    import cv2

    for name, count in (("Deer", 71), ("mine", 3)):
        (tmp_path / name / name / "img").mkdir(parents=True)
        for number in range(1, count + 1):
            cv2.imwrite(str(tmp_path / name / name / "img" / f"{number:04d}.png"), np.zeros((20, 20, 3), np.uint8))
        (tmp_path / name / name / "groundtruth_rect.txt").write_text("3,4,5,6\n" * count)
    (deer,) = sizes.sequences_of(Evaluation(5, folders=[str(tmp_path / "Deer")]))
    assert (deer.origin, len(deer), "MB" in deer.attributes) == (1, 5, True)
    (mine,) = sizes.sequences_of(Evaluation(0, folders=[str(tmp_path / "mine")]))
    assert (mine.origin, len(mine), mine.attributes) == (0, 3, ())
    folders = [str(tmp_path / "Deer"), str(tmp_path / "mine")]
    names = [sizes.protocol_name(part) for part in (folders[:1], folders, [])]
    assert names == ["matlab", "folder and matlab", "folder"]


def test_sequences_of_several_folders(tmp_path, texture):
    import cv2

    for name in ("one/a", "one/b", "two/c", "two/a"):
        (tmp_path / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / name / "1.png"), texture(20, 20))
        (tmp_path / name / "groundtruth.txt").write_text("3,4,5,6\n")
    folders = [str(tmp_path / "one"), str(tmp_path / "two")]
    sequences = sizes.sequences_of(Evaluation(0, folders=folders, names=["c", "b"]))
    assert [sequence.name for sequence in sequences] == ["b", "c"]
    with pytest.raises(InputError, match="a is in two of"):
        sizes.sequences_of(Evaluation(0, folders=folders))
    with pytest.raises(InputError, match="no sequence named d"):
        sizes.sequences_of(Evaluation(0, folders=folders, names=["b", "d"]))


def test_what_is_tracked_and_matched_is_completed_by_the_call(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (str((tmp_path / name).resolve()) for name in ("one", "two"))
    local, _ = parse(["table2", "--size", "local", "--eval", one, "--eval", two, "--sequences", "a,b"])
    assert local.size.comparison.sequences == Evaluation(0, folders=(one, two), names=("a", "b"))
    full, _ = parse(["table2", "--size", "full", "--otb", one, "--frames", "4"])
    assert full.size.tracking == Evaluation(4, folders=(one,))
    quick = sizes.read_size("quick")
    more, _ = parse(["table3", "--pairs", "20", "--curve", "7,5"])
    assert more.size.matching == replace(quick.matching, pairs=20, steps=(5, 7)) and more.size.matching.matched == 60
    assert parse(["table3"])[0].size == quick


def test_a_size_is_checked_when_it_is_read(tmp_path, monkeypatch, refusal):
    text = (EXPERIMENTS / "sizes" / "quick.yaml").read_text()
    (tmp_path / "sizes").mkdir()
    monkeypatch.setattr(sizes, "HERE", tmp_path)
    for old, new, words in (
        ("  pairs: 180", "  pair: 180", "matching has no setting pair"),
        ("  gap: 30\n", "", "matching lacks gap"),
        ("  gap: 30", "  gap: wide", "gap is 'wide', but must be of type int"),
        ("  synthetic: 4 ", "  synthetic: true ", "synthetic is True"),
        ("    width: 0.5", "    breadth: 0.5", "breadth"),
        ("clips: [carphone, bikes]", "clips: carphone", "clips is 'carphone'"),
        ("  pairs: 180", "  pairs: 0", "at least 1"),
    ):
        assert old in text
        (tmp_path / "sizes" / "quick.yaml").write_text(text.replace(old, new))
        assert words in refusal(sizes.read_size, "quick")


def test_sequences_are_known_by_content_wherever_they_lie(tmp_path, texture):
    import cv2

    for folder, x in (("here/a", 3), ("there/a", 3), ("other/a", 4)):
        (tmp_path / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / folder / "1.png"), texture(20, 20))
        (tmp_path / folder / "groundtruth.txt").write_text(f"{x},4,5,6\n")
    evaluations = [Evaluation(0, folders=(str(tmp_path / name),)) for name in ("here", "there", "other")]
    first, second, other = (one.content(sizes.sequences_of(one)) for one in evaluations)
    assert first == second != other and str(tmp_path) not in str(first)


def test_a_plan_needs_no_data(tmp_path):
    def frames(size, frames=0, **more):
        return sizes.planned_frames(Evaluation(frames, **more), size)

    assert frames("full") == 59040 - 5  # Tiger1's omitted ones
    named = {"names": ("Deer", "Dog"), "folders": (str(tmp_path / "none"),)}
    assert frames("full", **named) == 71 + 127
    assert frames("full", 100, **named) == 71 + 100
    assert frames("local") == sizes.LOCAL_FRAMES


def test_pairs_come_from_records_or_synthetic_sequences():
    ((tracks, _),) = sizes.sources_of(Matching(1, gap=5, shift=0.5, scale=0.1, synthetic=7, seed=3))
    assert len(tracks) == 7 and tracks.seed == 3
