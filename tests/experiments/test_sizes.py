from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from experiments import sizes
from experiments.rows import row_names
from experiments.targets import TARGETS
from rar_gluon import config as configuration
from rar_gluon.common import InputError

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
TABLES = [target.name for target in TARGETS.values() if target.trains]


@pytest.mark.parametrize("size", ["quick", "local", "full"])
def test_every_row_is_a_configuration_at_every_size(size):
    overlay = sizes.read_size(size)["config"]
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


def test_a_row_changes_the_size_and_not_the_other_way():
    overlay = sizes.read_size("quick")["config"]
    image = sizes.row_config(EXPERIMENTS / "extra" / "context_image" / "config.yaml", overlay, 0)
    vgg = sizes.row_config(EXPERIMENTS / "table4" / "RAR_VGG" / "config.yaml", overlay, 0)
    assert (image.filter.context_source, image.network.width) == ("image", 0.5)
    assert (vgg.network.backbone, vgg.network.width) == ("vgg_m", 1.0)
    frozen = sizes.row_config(EXPERIMENTS / "table3" / "row11" / "config.yaml", overlay, 0)
    assert len(frozen.training.frozen) == 5


def test_synthetic_sequences_are_made_and_cut():
    found = sizes.sequences_of({"synthetic": 3, "frames": 7, "seed": 4})
    assert [len(sequence) for sequence in found] == [7, 7, 7]
    seen = sizes.sequences_of({"synthetic": 2, "frames": 30, "seed": 4, "seen": True})
    assert all(np.isfinite(sequence.boxes).all() for sequence in seen)


def test_a_folder_of_otb_is_read_as_otb(tmp_path):
    import cv2

    for name, count in (("Deer", 71), ("mine", 3)):
        (tmp_path / name / name / "img").mkdir(parents=True)
        for number in range(1, count + 1):
            cv2.imwrite(str(tmp_path / name / name / "img" / f"{number:04d}.png"), np.zeros((20, 20, 3), np.uint8))
        (tmp_path / name / name / "groundtruth_rect.txt").write_text("3,4,5,6\n" * count)
    (deer,) = sizes.sequences_of({"folders": [str(tmp_path / "Deer")], "frames": 5})
    assert (deer.origin, len(deer), "MB" in deer.attributes) == (1, 5, True)
    (mine,) = sizes.sequences_of({"folders": [str(tmp_path / "mine")], "frames": 0})
    assert (mine.origin, len(mine), mine.attributes) == (0, 3, ())
    folders = [str(tmp_path / "Deer"), str(tmp_path / "mine")]
    names = [sizes.protocol_name(spec) for spec in ({"folders": folders[:1]}, {"folders": folders}, {"synthetic": 1})]
    assert names == ["matlab", "folder and matlab", "folder"]


def test_sequences_of_several_folders(tmp_path, texture):
    import cv2

    for name in ("one/a", "one/b", "two/c", "two/a"):
        (tmp_path / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / name / "1.png"), texture(20, 20))
        (tmp_path / name / "groundtruth.txt").write_text("3,4,5,6\n")
    folders = [str(tmp_path / "one"), str(tmp_path / "two")]
    found = sizes.sequences_of({"folders": folders, "names": ["c", "b"], "frames": 0})
    assert [sequence.name for sequence in found] == ["b", "c"]
    with pytest.raises(InputError, match="a is in two of"):
        sizes.sequences_of({"folders": folders, "frames": 0})
    with pytest.raises(InputError, match="no sequence named d"):
        sizes.sequences_of({"folders": folders, "names": ["b", "d"], "frames": 0})


def test_what_is_tracked_is_completed_by_the_call(tmp_path):
    call = {"frames": None, "eval": [tmp_path], "otb": tmp_path, "sequences": "a,b"}
    local = sizes.tracking_of({"frames": 9}, Namespace(size="local", **call))
    assert local == {"frames": 9, "folders": [str(tmp_path.resolve())], "names": ["a", "b"]}
    full = sizes.tracking_of({"frames": 9}, Namespace(size="full", **{**call, "frames": 4, "sequences": None}))
    assert full == {"frames": 4, "folders": [str(tmp_path.resolve())]}


def test_what_is_matched_is_completed_by_the_call():
    size = {"pairs": 9, "gap": 5, "steps": []}
    assert sizes.matching_of(size, Namespace(pairs=None, curve=None)) == size
    assert sizes.matching_of(size, Namespace(pairs=20, curve=[5, 7])) == {"pairs": 20, "gap": 5, "steps": [5, 7]}


def test_a_plan_needs_no_data(tmp_path):
    call = {"frames": None, "eval": None, "otb": None, "sequences": None}
    assert sizes.planned_frames(Namespace(size="full", **call), {"frames": 0}) == 59040 - 5  # Tiger1's omitted ones
    named = {**call, "sequences": "Deer,Dog", "otb": tmp_path / "none"}
    assert sizes.planned_frames(Namespace(size="full", **named), {"frames": 0}) == 71 + 127
    assert sizes.planned_frames(Namespace(size="full", **{**named, "frames": 100}), {"frames": 0}) == 71 + 100
    assert sizes.planned_frames(Namespace(size="local", **call), {"frames": 0}) == sizes.LOCAL_FRAMES


def test_pairs_come_from_records_or_synthetic_sequences():
    ((tracks, _),) = sizes.sources_of({"synthetic": 7, "seed": 3})
    assert len(tracks) == 7 and tracks.seed == 3
