"""What a tracker computes with: representations, and the filter over them, by MXNet or by ONNX Runtime."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Protocol, Tuple

from rar_gluon.common import InputError
from rar_gluon.config import Config

if TYPE_CHECKING:  # `rar --help` does not wait for it
    import numpy as np

RUNTIMES = ("mxnet", "onnx")
PRECISIONS = ("fp32", "int8")  # int8: the backbone, by ONNX Runtime


class Filter(Protocol):
    """A filter over representations, for one target (Section 3.3)."""

    def learn(self, z0: Any, zi: Any, rate: float) -> None:
        """Move towards a template z0 (D, H, W) with contexts zi (k, D, H, W) or None; rate 1 begins anew (Eq. 10)."""

    def respond(self, x: Any) -> np.ndarray:
        """Responses (S, H, W) of search regions x (S, D, H, W); no displacement is at (0, 0) (Eq. 11)."""


class Engine(Protocol):
    """Representations of patches, and a new filter, on one device; arrays stay its own between the calls.

    Attributes
    ----------
    net, weights : the network, and the file that its weights come from, None if there is none.
    confidence : score of one half and slope, as fitted to these weights (`tracking.confidence`).
    """

    net: Any
    weights: Path | None
    confidence: Tuple[float, float]

    def begin_state(self) -> List[Any]:
        """State h, c of each level before the first frame: zeros."""

    def represent(self, patches: np.ndarray, state: List[Any]) -> Any:
        """Representation (S, D, H, W) of patches (S, size, size, 3) of one frame, each seen with one state."""

    def represent_template(self, patches: np.ndarray, state: List[Any]) -> Tuple[Any, Any, List[Any]]:
        """z0 (1, D, H, W), zi (k, D, H, W) or None, and the next state (`Tracker` says which patches)."""

    def new_filter(self, template: Any) -> Filter:
        """A filter for templates like z0 (1, D, H, W), which has learned nothing."""


def default_runtime() -> str:
    """MXNet where it is installed, else ONNX Runtime."""
    return "mxnet" if importlib.util.find_spec("mxnet") else "onnx"


def check_runtime(runtime: str | None, precision: str) -> str:
    """The runtime, None: `default_runtime`; `InputError` when it is none, or does not compute in this precision."""
    runtime = default_runtime() if runtime is None else runtime
    if runtime not in RUNTIMES:
        raise InputError(f"the runtime is {runtime!r}; accepted: {', '.join(RUNTIMES)}.")
    if precision not in PRECISIONS:
        raise InputError(f"the precision is {precision!r}; accepted: {', '.join(PRECISIONS)}.")
    if precision != "fp32" and runtime != "onnx":
        raise InputError(f"{precision} is for the runtime onnx: give --runtime onnx, or fp32.")
    return runtime


def weights_file(weights: str | os.PathLike | None, runtime: str) -> Path:
    """The file that says which weights a runtime computes with: an .npz, or the tracker.json of a folder of graphs.

    Raises
    ------
    InputError
        For the runtime onnx, `weights` is no folder of graphs.
    """
    if runtime == "onnx":
        from rar_gluon.engine.onnx import SHIPPED, graph_file

        return graph_file(SHIPPED if weights is None else weights)
    from rar_gluon.net.weights import SHIPPED

    return Path(SHIPPED if weights is None else weights)


def open_engine(
    config: Config, weights: Any, ctx: Any = None, runtime: str | None = None, precision: str = "fp32"
) -> Engine:
    """Make the engine of a runtime (`check_runtime`) with weights on a device.

    Parameters
    ----------
    weights : for MXNet a file or a network; for ONNX Runtime a folder of `rar export`; None: the package's.
    ctx : an `mx.Context`, None: the CPU; ONNX Runtime computes on the CPU.

    Raises
    ------
    InputError
        No such runtime or precision, or weights that cannot be used.
    """
    if check_runtime(runtime, precision) == "onnx":
        from rar_gluon.engine.onnx import OnnxEngine

        if getattr(ctx, "device_type", "cpu") != "cpu":
            raise InputError("ONNX Runtime computes on the CPU here: choose --device -1, or --runtime mxnet.")
        if not isinstance(weights, (str, os.PathLike, type(None))):
            raise InputError("ONNX Runtime takes a folder of graphs and no network: write one with rar export DIR.")
        return OnnxEngine(config, weights_file(weights, "onnx"), precision)
    from rar_gluon.engine.mxnet import load_engine  # importing MXNet takes seconds

    return load_engine(config, weights, ctx)
