from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def rows(sizes, *names):
    overlay = sizes.read_size("quick")["config"]
    return [sizes.row_config(EXPERIMENTS / "table3" / name / "config.yaml", overlay, 0) for name in names]


def test_costs_grow_with_frames_and_shrink_with_what_is_frozen(costs, sizes):
    frozen, free = (costs.costs_of(config, 100) for config in rows(sizes, "row11", "row09"))
    assert frozen[0] < free[0]
    assert frozen[1] == free[1] > 0


def test_dollars_are_hours_times_price(costs, sizes):
    """The numbers of a text against the formula that stands below them."""
    (config,) = rows(sizes, "row01")
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


def test_without_training_only_frames_cost(costs, sizes):
    (config,) = rows(sizes, "row01")
    once, twice = (costs.dry_run({"a": config}, frames, True, trains=False).splitlines()[1] for frames in (100, 200))
    assert float(once.split()[5]) == 0 < float(once.split()[6])
    assert float(twice.split()[6]) == pytest.approx(2 * float(once.split()[6]), rel=0.01)
