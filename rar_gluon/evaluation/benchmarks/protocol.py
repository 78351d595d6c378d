"""Protocols of the one-pass benchmarks: `protocols.yaml`, on top of OTB's."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Dict, Mapping

import yaml

from rar_gluon.common import InputError
from rar_gluon.evaluation.otb.protocol import Protocol, derived_protocol


@lru_cache(maxsize=None)
def _section(key: str) -> Dict:
    table = yaml.safe_load(Path(__file__).with_name("protocols.yaml").read_text(encoding="utf-8"))
    if key not in table:
        raise InputError(f"results on '{key}' cannot be scored here: choose one of {', '.join(table)}.")
    return table[key]


def protocols_of(key: str) -> tuple[str, ...]:
    """Names of a benchmark's protocols, its default first; `InputError` when it has none."""
    return tuple(_section(key)["protocols"])


def printed_numbers(key: str) -> Mapping[str, str]:
    """What a benchmark's tables print: heads by fields of `Score`; {}: what OTB's print."""
    return _section(key).get("numbers", {})


def protocol_of_benchmark(key: str, name: str | None = None) -> Protocol:
    """Load a protocol of a benchmark; None: its default.

    Raises
    ------
    InputError
        When the benchmark or its protocol is unknown.
    """
    names = protocols_of(key)
    name = names[0] if name is None else name
    if name not in names:
        raise InputError(f"'{name}' is no protocol of {key}: choose one of {', '.join(names)}.")
    changes = dict(_section(key)["protocols"][name])
    return derived_protocol(name, changes.pop("otb"), changes)
