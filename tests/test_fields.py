import dataclasses
from dataclasses import dataclass
from typing import Tuple

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.fields import ANY_BOOL, assumed, between, check_section, checked, odd, one_of, paper, subset_of


@pytest.mark.parametrize(
    "accept, inside, outside, words",
    [
        (one_of("a", "b"), ("a", "b"), ("c", ""), "one of a, b"),
        (between(0, 1), (0, 0.5, 1), (-1e-9, 1.1, float("nan"), float("inf")), "from 0 to 1"),
        (odd(1, 7), (1, 3, 7), (0, 2, 9), "an odd number from 1 to 7"),
        (
            subset_of("a", "b", "c"),
            ((), ("a", "c"), ("a", "b", "c")),
            (("b", "a"), ("a", "a"), ("d",)),
            "a, b, c, each",
        ),
        (subset_of("a", "b", least=1), (("a",),), ((),), "at least one of a, b"),
        (ANY_BOOL, (True, False), (2,), "one of True, False"),
    ],
)
def test_what_is_accepted(accept, inside, outside, words):
    assert accept.words.startswith(words)
    assert [accept.test(value) for value in inside] == [True] * len(inside)
    assert [accept.test(value) for value in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    "value, kind, expected",
    [
        ("1e-4", float, 1e-4),  # as YAML 1.1 reads it
        (1, float, 1.0),
        (np.float32(0.5), float, 0.5),
        (np.int64(3), int, 3),
        (["a", "b"], Tuple[str, ...], ("a", "b")),
        (True, bool, True),
        ("x", str, "x"),
    ],
)
def test_a_value_becomes_one_of_its_kind(value, kind, expected):
    value_of_kind = checked(value, kind, dataclasses.replace(ANY_BOOL, test=lambda _: True), "here")
    assert value_of_kind == expected and type(value_of_kind) is type(expected)


@pytest.mark.parametrize(
    "value, kind, words",
    [
        (True, int, "here is True but must be a whole number; accepted: from 0 to 2."),
        (1.5, int, "must be a whole number"),
        ("one", float, "must be a number"),
        (False, float, "must be a number"),
        (10**400, float, "must be a number"),
        (1, bool, "must be true or false"),
        ([1], Tuple[str, ...], "must be a list of words"),
        ("ab", Tuple[str, ...], "must be a list of words"),
        (None, str, "must be a word"),
        (3, int, "here is 3, which is not accepted; accepted: from 0 to 2."),
        (float("nan"), float, "not accepted"),
    ],
)
def test_a_value_of_another_kind_or_out_of_range(refusal, value, kind, words):
    assert words in refusal(checked, value, kind, between(0, 2), "here")


@dataclass(frozen=True)
class PartConfig:
    rate: float = paper(0.5, "Section 4.1", between(0, 1))  # noqa: RUF009
    names: Tuple[str, ...] = assumed(("a",), "ours", subset_of("a", "b"))  # noqa: RUF009

    def __post_init__(self):
        check_section(self)


def test_a_section_checks_its_fields_and_says_where_they_come_from():
    part = PartConfig(rate=1, names=["a", "b"])
    assert part == PartConfig(1.0, ("a", "b")) and type(part.rate) is float
    with pytest.raises(InputError, match=r"part\.rate is 2\.0, which is not accepted; accepted: from 0 to 1"):
        PartConfig(rate=2)
    marks = {leaf.name: (leaf.metadata["mark"], leaf.metadata["source"]) for leaf in dataclasses.fields(PartConfig)}
    assert marks == {"rate": ("paper", "Section 4.1"), "names": ("assumed", "ours")}
