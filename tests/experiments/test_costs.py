from pathlib import Path

import pytest

from experiments import costs, sizes
from rar_gluon.net import cost

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def rows(*names):
    overlay = sizes.read_size("quick").config
    return [sizes.row_config(EXPERIMENTS / "table3" / name / "config.yaml", overlay, 0) for name in names]


def test_costs_grow_with_frames_and_shrink_with_what_is_frozen():
    frozen, free = (costs.costs_of(config, 100) for config in rows("row11", "row09"))
    assert frozen["train"] < free["train"]
    assert frozen["track"] == free["track"] > 0 == free["match"]


def test_pairs_cost_a_template_and_a_search_region_each():
    (config,) = rows("row01")
    once, twice = (costs.costs_of(config, 0, pairs)["match"] for pairs in (10, 20))
    assert twice == 2 * once > 0


def test_a_training_costs_its_clips_and_twice_what_learns():
    (config,) = rows("row11")
    forward, trained = cost.clip_macs(config), cost.clip_macs(config, trained=True)
    assert costs.training_macs(config, 7) == 7 * (forward + 2 * trained) and 0 < trained < forward
    clips = config.training.epoch_clips * config.training.epochs
    assert costs.costs_of(config, 0)["train"] == costs.training_macs(config) == costs.training_macs(config, clips)


def test_dollars_are_hours_times_price():
    """The numbers of a text against the formula that stands below them."""
    (config,) = rows("row01")
    lines = costs.dry_run(costs.Plan({"a": config}, 1000, on_cards=True)).splitlines()
    row, (first, *_) = lines[1].split(), lines[[line.startswith("all jobs on") for line in lines].index(True) + 1 :]
    name, *_, hours, dollars = first.split()
    machine = costs.read_machines()[name]
    flop = (float(row[5]) + float(row[6])) * 1e15
    assert float(hours) == pytest.approx(flop / machine.speed / 3600, rel=0.01)
    assert float(dollars) == pytest.approx(float(hours) * machine.dollars, rel=0.01)
    assert max(map(len, lines)) <= 120


def test_without_training_only_frames_cost():
    (config,) = rows("row01")
    plans = (costs.Plan({"a": config}, frames, trains=False, on_cards=True) for frames in (100, 200))
    once, twice = (costs.dry_run(plan).splitlines()[1] for plan in plans)
    assert float(once.split()[5]) == 0 < float(once.split()[6])
    assert float(twice.split()[6]) == pytest.approx(2 * float(once.split()[6]), rel=0.01)
