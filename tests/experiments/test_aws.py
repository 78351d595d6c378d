import importlib.util
import subprocess
from pathlib import Path

import pytest
import yaml

from rar_gluon.config import load
from rar_gluon.net.cost import summarise

AWS = Path(__file__).parents[2] / "experiments" / "aws"


@pytest.fixture(scope="module")
def module():
    spec = importlib.util.spec_from_file_location("estimate", AWS / "estimate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def cards():
    return yaml.safe_load((AWS / "cards.yaml").read_text())


def test_hours_and_dollars_of_one_card(module, small_config):
    config = small_config(training={"templates": 2})
    cards = {
        "utilisation": 0.5,
        "cards": {"X": {"tflops": 2.0, "wheel": "cu112"}},
        "instances": {"x1": {"card": "X", "gpus": 4, "dollars": 3.0}, "x2": {"card": "X", "gpus": 1, "dollars": None}},
    }
    macs, trained = module.macs_per_image(config)
    first, second = module.estimate(config, cards, clips=1000, epochs=7)
    operations = 7000 * 11 * 2 * (macs + 2 * trained)  # 2 templates with 4 contexts each, and the search region
    assert first.hours == pytest.approx(operations / 4e12 / 3600)
    assert first.dollars == pytest.approx(3 * first.hours)
    assert second.hours == pytest.approx(4 * first.hours) and second.dollars is None


def test_operations_of_the_network(module, small_config):
    config = small_config()
    macs, trained = module.macs_per_image(config)
    assert macs == summarise(config).macs
    assert 0 < trained < macs
    assert module.macs_per_image(small_config(training={"frozen": []})) == (macs, macs)


def test_frozen_stages_by_hand(module):
    """Stem and conv2 of Table 1 on 255 x 255: 64 x 7 x 7 x 3 at 127², three blocks of 1x1, 3x3, 1x1 at 63²."""
    macs, trained = module.macs_per_image(load("rar"))
    stem = 127**2 * 64 * 7 * 7 * 3
    blocks = 63**2 * ((64 + 256 + 256) * 64 + 3 * 64 * 64 * 9 + 3 * 64 * 256 + 64 * 256)
    assert macs - trained == stem + blocks


def test_images_of_a_clip(module, small_config):
    assert module.images_per_clip(small_config()) == 6
    assert module.images_per_clip(small_config(filter={"contexts": 0}, training={"templates": 3})) == 4
    larger = module.images_per_clip(small_config(filter={"context_source": "feature"}))
    assert larger == pytest.approx(1 + ((127 + 2 * 40) / 127) ** 2)  # 15 cells: 5 more on each side, 8 pixels each


def test_every_machine_has_a_card_and_every_row_a_line(module, cards, small_config):
    rows = module.estimate(small_config(), cards)
    assert [row.instance for row in rows] == list(cards["instances"])
    assert {card["wheel"] for card in cards["cards"].values()} == {"cu112", "cu102"}
    assert len(module.table(rows).splitlines()) == len(rows) + 2


@pytest.mark.parametrize("script", ["setup.sh", "train.sh"])
def test_scripts_parse(script):
    subprocess.run(["bash", "-n", str(AWS / script)], check=True, timeout=10)


def test_train_says_what_is_missing(tmp_path):
    """In a copy with an empty environment; `rar` is not reached."""
    folder = tmp_path / "experiments" / "aws"
    folder.mkdir(parents=True)
    (folder / "train.sh").write_bytes((AWS / "train.sh").read_bytes())
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    command = ["env", "-u", "OUTPUT", "bash", str(folder / "train.sh")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=10)
    assert result.returncode != 0 and "OUTPUT=..." in result.stderr
