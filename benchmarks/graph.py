"""A network's graph with its parameters, an input and its output, in files that every route can read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

import numpy as np

from rar_gluon.net.onnx_graph import attributes


@dataclass(frozen=True)
class Graph:
    """`symbol` is MXNet's JSON, `parameters` and `inputs` are by name, `output` is what comes first."""

    symbol: str
    parameters: Mapping[str, np.ndarray]
    inputs: Mapping[str, np.ndarray]
    output: np.ndarray


class Node(NamedTuple):
    """An operator: its attributes as Python values, its inputs as (node, output) pairs; `op` "null" is a variable."""

    name: str
    op: str
    attributes: Dict[str, Any]
    inputs: List[Tuple[int, int]]


def nodes(graph: Graph) -> Tuple[List[Node], List[Tuple[int, int]]]:
    """Nodes in the order they are computed in, and the outputs."""
    content = json.loads(graph.symbol)

    def pairs(entries) -> List[Tuple[int, int]]:
        return [(entry[0], entry[1]) for entry in entries]

    operators = [Node(node["name"], node["op"], attributes(node), pairs(node["inputs"])) for node in content["nodes"]]
    return operators, pairs(content["heads"])


def write_graph(graph: Graph, folder: Path) -> None:
    """Write what `read_graph` reads."""
    (folder / "symbol.json").write_text(graph.symbol, encoding="utf-8")
    np.savez(folder / "parameters.npz", **graph.parameters)
    np.savez(folder / "inputs.npz", **graph.inputs)
    np.save(folder / "output.npy", graph.output)


def read_graph(folder: Path) -> Graph:
    """Read what `write_graph` wrote."""
    arrays = [dict(np.load(folder / f"{name}.npz", allow_pickle=False)) for name in ("parameters", "inputs")]
    return Graph(
        (folder / "symbol.json").read_text(encoding="utf-8"),
        *arrays,
        np.load(folder / "output.npy", allow_pickle=False),
    )
