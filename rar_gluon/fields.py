"""Fields of a configuration: whether the paper states a value or we assumed it, and which values make sense."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass, field
from typing import Any, Callable, Tuple, get_type_hints

from rar_gluon.common import InputError
from rar_gluon.strict_yaml import display_text


@dataclass(frozen=True)
class Accept:
    """Which values of a field make sense: a test, and the words that tell a user."""

    words: str
    test: Callable[[Any], bool]


def one_of(*values) -> Accept:
    """Accept these values."""
    return Accept("one of " + ", ".join(str(v) for v in values), lambda value: value in values)


def between(low: float, high: float) -> Accept:
    """Accept numbers of a closed interval (NaN is in none)."""
    return Accept(f"from {low} to {high}", lambda value: low <= value <= high)


def odd(low: int, high: int) -> Accept:
    """Accept odd numbers of a closed interval."""
    return Accept(f"an odd number from {low} to {high}", lambda value: low <= value <= high and value % 2 == 1)


def subset_of(*names: str, least: int = 0) -> Accept:
    """Accept lists of `least` or more of these names, in their order."""
    words = ("" if least == 0 else "at least one of ") + ", ".join(names) + ", each once, in this order"

    def test(value: Tuple[str, ...]) -> bool:
        return len(value) >= least and list(value) == [name for name in names if name in value]

    return Accept(words, test)


ANY_BOOL = one_of(True, False)


def paper(default: Any, where: str, accept: Accept) -> Any:
    """Declare a field whose value the paper states, and where."""
    return field(default=default, metadata={"mark": "paper", "source": where, "accept": accept})


def assumed(default: Any, source: str, accept: Accept) -> Any:
    """Declare a field that the paper leaves open, and where its value comes from."""
    return field(default=default, metadata={"mark": "assumed", "source": source, "accept": accept})


def check_section(section: Any) -> None:
    """`__post_init__` of a section: every value of its kind and accepted, whoever makes it."""
    types = get_type_hints(type(section))
    name = type(section).__name__[: -len("Config")].lower()
    for leaf in dataclasses.fields(section):
        path, value = f"{name}.{leaf.name}", getattr(section, leaf.name)
        object.__setattr__(section, leaf.name, checked(value, types[leaf.name], leaf.metadata["accept"], path))


def checked(value: Any, kind: Any, accept: Accept, path: str) -> Any:
    """Return `value` as `kind`, or raise `InputError` with `path` and the accepted values."""
    if getattr(value, "shape", None) == ():  # numpy's scalars; `rar --help` does not wait for numpy itself
        value = value.item()
    if kind is float and isinstance(value, str):
        with contextlib.suppress(ValueError):  # YAML 1.1 reads 1e-4 as text
            value = float(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # hundreds of digits: no number we could use
            value = float(value)
    if kind is Tuple[str, ...]:
        ok = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
        value, name = tuple(value) if ok else value, "a list of words"
    else:
        ok, name = (
            type(value) is kind,
            {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "a word"),
        )
    if not ok:
        raise InputError(f"{path} is {display_text(value)} but must be {name}; accepted: {accept.words}.")
    if not accept.test(value):
        text = display_text(list(value) if isinstance(value, tuple) else value)
        raise InputError(f"{path} is {text}, which is not accepted; accepted: {accept.words}.")
    return value
