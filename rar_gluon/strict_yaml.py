"""YAML of users, read without surprises: no key twice, nothing so deep or so large that reading it would not end."""

from __future__ import annotations

import os
import reprlib
from typing import Any, Dict

import yaml

from rar_gluon.common import InputError, read_text

LARGEST = 100000  # values, aliases counted as often as they are used: a few lines of them can stand for billions


def parse(text: str, where: str) -> Any:
    """Turn YAML into mappings, lists, words and numbers; `where` begins the message.

    Raises
    ------
    InputError
        It is not YAML, gives a key twice, or is nested too deeply or too large.
    """
    try:
        _count(yaml.compose(text, Loader=yaml.SafeLoader), {})
        return yaml.safe_load(text)
    except RecursionError:
        raise InputError(f"{where} is not usable YAML: it is nested too deeply.") from None
    except Exception as error:  # PyYAML lets through what Python makes of a strange date, number or name
        raise InputError(
            f"{where} is not usable YAML: {' '.join(str(error).split()) or type(error).__name__}."
        ) from None


def read(path: str | os.PathLike) -> Any:
    """Read a YAML file as `parse` does."""
    return parse(read_text(path), str(path))


def display_text(value: Any) -> str:
    """`repr` for a message: short, however large the value is."""
    writer = reprlib.Repr()
    writer.maxstring = writer.maxother = writer.maxlong = 60
    return writer.repr(value)


def _count(node: yaml.Node | None, sizes: Dict[int, int]) -> int:
    """Count the values below a node; `yaml.YAMLError` for a key given twice, or too many."""
    if node is None or isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in sizes:
        parts = node.value
        if isinstance(node, yaml.MappingNode):
            _refuse_twice(node)
            parts = [part for pair in node.value for part in pair]
        sizes[id(node)] = 1 + sum(_count(part, sizes) for part in parts)
        if sizes[id(node)] > LARGEST:
            raise yaml.YAMLError(f"it stands for more than {LARGEST} values")
    return sizes[id(node)]


def _refuse_twice(node: yaml.MappingNode) -> None:
    seen = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if (key.tag, key.value) in seen:
                raise yaml.YAMLError(
                    f"the key {display_text(key.value)} is given twice, in line {key.start_mark.line + 1} again"
                )
            seen.add((key.tag, key.value))
