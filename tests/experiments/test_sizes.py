from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from rar_gluon import config as configuration

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.mark.parametrize("size", ["quick", "local", "full"])
def test_every_row_is_a_configuration_at_every_size(driver, sizes, size):
    overlay = sizes.read_size(size)["config"]
    for table in driver.ABLATIONS:
        for row in driver.row_names(table):
            config = sizes.row_config(EXPERIMENTS / table / row / "config.yaml", overlay, 3)
            assert config.training.seed == 3
    for target in driver.COMPARISONS:
        assert sizes.row_config(EXPERIMENTS / target / "config.yaml", overlay, 3)


def test_at_full_size_a_row_is_its_file(driver, sizes):
    for table in driver.ABLATIONS:
        for row in driver.row_names(table):
            path = EXPERIMENTS / table / row / "config.yaml"
            assert sizes.row_config(path, {}, 0) == configuration.load(path)


def test_rows_of_two_tables_are_one(sizes):
    def config(table, row):
        return sizes.row_config(EXPERIMENTS / table / row / "config.yaml", {}, 0)

    assert config("table4", "RAR") == config("table3", "row13") == configuration.load(EXPERIMENTS / "rar.yaml")
    assert config("table4", "RAR_ResNet") == config("table3", "row07")


def test_a_row_changes_the_size_and_not_the_other_way(sizes):
    overlay = sizes.read_size("quick")["config"]
    image = sizes.row_config(EXPERIMENTS / "extra" / "context_image" / "config.yaml", overlay, 0)
    vgg = sizes.row_config(EXPERIMENTS / "table4" / "RAR_VGG" / "config.yaml", overlay, 0)
    assert (image.filter.context_source, image.network.width) == ("image", 0.5)
    assert (vgg.network.backbone, vgg.network.width) == ("vgg_m", 1.0)
    frozen = sizes.row_config(EXPERIMENTS / "table3" / "row11" / "config.yaml", overlay, 0)
    assert len(frozen.training.frozen) == 5


def test_synthetic_sequences_are_made_and_cut(sizes):
    found = sizes.sequences_of({"synthetic": 3, "frames": 7, "seed": 4})
    assert [len(sequence) for sequence in found] == [7, 7, 7]
    seen = sizes.sequences_of({"synthetic": 2, "frames": 30, "seed": 4, "seen": True})
    assert all(np.isfinite(sequence.boxes).all() for sequence in seen)


def test_a_folder_of_otb_is_read_as_otb(sizes, tmp_path):
    import cv2

    for name, count in (("Deer", 71), ("mine", 3)):
        (tmp_path / name / name / "img").mkdir(parents=True)
        for number in range(1, count + 1):
            cv2.imwrite(str(tmp_path / name / name / "img" / f"{number:04d}.png"), np.zeros((20, 20, 3), np.uint8))
        (tmp_path / name / name / "groundtruth_rect.txt").write_text("3,4,5,6\n" * count)
    (deer,) = sizes.sequences_of({"folder": str(tmp_path / "Deer"), "frames": 5})
    assert (deer.origin, len(deer), "MB" in deer.attributes) == (1, 5, True)
    (mine,) = sizes.sequences_of({"folder": str(tmp_path / "mine"), "frames": 0})
    assert (mine.origin, len(mine), mine.attributes) == (0, 3, ())


def test_what_is_tracked_is_completed_by_the_call(sizes, tmp_path):
    call = {"frames": None, "eval": tmp_path, "otb": tmp_path, "eval_sequences": "a,b"}
    local = sizes.evaluation_of({"frames": 9}, Namespace(size="local", **call))
    assert local == {"frames": 9, "folder": str(tmp_path.resolve()), "names": ["a", "b"]}
    full = sizes.evaluation_of({"frames": 9}, Namespace(size="full", **{**call, "frames": 4}))
    assert full == {"frames": 4, "otb": str(tmp_path.resolve())}
    nothing = {**call, "eval": None, "otb": None}
    assert sizes.planned_frames(Namespace(size="full", **nothing), {"frames": 0}) == 59040
