import dataclasses

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.evaluation.otb.protocol import Grid, load_protocol, protocol_from

NAMES = ("matlab", "pysot", "got10k", "pytracking", "fine101", "folder")


def test_the_protocols_load():
    with pytest.raises(InputError, match=", ".join(NAMES)):  # all of them, in this order
        load_protocol("none")
    for name in NAMES:
        protocol = load_protocol(name)
        assert protocol.name == name and protocol.source
        assert (protocol.success, protocol.precision) == (">", "<=")
        assert len(protocol.error_grid.values) == 51
        assert len(protocol.overlap_grid.values) == (101 if name == "fine101" else 21)


@pytest.mark.parametrize(
    "name, rules",
    [
        ("matlab", ("skip", "truth", "copy", "copy", "copy", "miss", "error", "any", "any", "hit", "hit")),
        ("pysot", ("skip", "file", "miss", "keep", "keep", "error", "error", "size", "centre", "hit", "hit")),
        ("got10k", ("keep", "truth", "miss", "keep", "keep", "truncate", "truncate", "never", "never", "hit", "hit")),
        ("pytracking", ("skip", "truth", "error", "copy", "error", "zeros", "truncate", "size", "size", "miss", "hit")),
        ("fine101", ("skip", "truth", "copy", "copy", "copy", "miss", "error", "any", "any", "hit", "hit")),
        ("folder", ("keep", "truth", "copy", "copy", "copy", "error", "error", "size", "size", "miss", "miss")),
    ],
)
def test_rules(name, rules):
    protocol = load_protocol(name)
    fields = [
        "initial_omit",
        "first_frame",
        "nan_prediction",
        "empty_prediction",
        "negative_prediction",
        "shorter",
        "longer",
        "overlap_invalid",
        "error_invalid",
        "error_invalid_is",
        "normalised_invalid_is",
    ]
    assert tuple(getattr(protocol, field) for field in fields) == rules


def test_grid_values_are_the_nearest_floats():
    values = Grid(0, 1, 21).values
    assert all(value == float(f"{k * 5}e-2") for k, value in enumerate(values))
    assert Grid(0, 0.5, 51).index(0.2) == 20
    assert np.array_equal(Grid(0, 50, 51).values, np.arange(51))
    with pytest.raises(InputError, match="not among"):
        Grid(0, 1, 21).index(0.51)
    with pytest.raises(InputError, match="needs start < stop"):
        Grid(1, 0, 21)


def test_protocol_is_frozen_and_validated():
    matlab = load_protocol()
    with pytest.raises(dataclasses.FrozenInstanceError):
        matlab.success = ">="
    with pytest.raises(InputError, match="success is '=>'"):
        dataclasses.replace(matlab, success="=>")
    with pytest.raises(InputError, match="without_truth: drop needs shorter and longer: error"):
        dataclasses.replace(matlab, without_truth="drop")
    with pytest.raises(InputError, match="error_decimals"):
        dataclasses.replace(matlab, error_decimals="four")
    with pytest.raises(InputError, match="not among"):
        dataclasses.replace(matlab, precision_at=20.5)
    with pytest.raises(InputError, match="'votx' is no protocol: choose one of matlab"):
        load_protocol("votx")


def test_table_with_a_wrong_field():
    table = {"mine": {"source": "me", "thresholds": 3}}
    with pytest.raises(InputError, match="unknown or missing fields: empty_prediction, .*thresholds"):
        protocol_from("mine", table)
