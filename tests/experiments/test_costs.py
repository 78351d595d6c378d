from pathlib import Path

import pytest

from experiments import costs, sizes

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def rows(*names):
    overlay = sizes.read_size("quick")["config"]
    return [sizes.row_config(EXPERIMENTS / "table3" / name / "config.yaml", overlay, 0) for name in names]


def test_costs_grow_with_frames_and_shrink_with_what_is_frozen():
    frozen, free = (costs.costs_of(config, 100) for config in rows("row11", "row09"))
    assert frozen["train"] < free["train"]
    assert frozen["track"] == free["track"] > 0 == free["match"]


def test_pairs_cost_a_template_and_a_search_region_each():
    (config,) = rows("row01")
    once, twice = (costs.costs_of(config, 0, {"pairs": 10, "steps": steps})["match"] for steps in ([], [5]))
    assert twice == 2 * once > 0


def test_dollars_are_hours_times_price():
    """The numbers of a text against the formula that stands below them."""
    (config,) = rows("row01")
    lines = costs.dry_run({"a": config}, 1000, True).splitlines()
    machine = costs.yaml.safe_load(costs.CARDS.read_text())
    head, row = lines[0], lines[1].split()
    hours, dollars = (float(value) for value in row[8:10])  # of the first card
    name = head.split(" h ")[1].split()[0]
    card = machine["instances"][name]
    flop = (float(row[5]) + float(row[6])) * 1e15
    peak = machine["cards"][card["card"]]["tflops"] * 1e12 * machine["utilisation"]
    assert hours == pytest.approx(flop / peak / 3600, rel=0.01)
    assert dollars == pytest.approx(hours * card["dollars"], rel=0.01)


def test_without_training_only_frames_cost():
    (config,) = rows("row01")
    once, twice = (costs.dry_run({"a": config}, frames, True, trains=False).splitlines()[1] for frames in (100, 200))
    assert float(once.split()[5]) == 0 < float(once.split()[6])
    assert float(twice.split()[6]) == pytest.approx(2 * float(once.split()[6]), rel=0.01)
