"""What a tracker computes with: representations, and the filter over them, by MXNet or by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Protocol, Tuple

from rar_gluon.common import InputError
from rar_gluon.config import Config

if TYPE_CHECKING:  # `rar --help` does not wait for it
    import numpy as np

RUNTIMES = ("mxnet", "onnx")


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


def open_engine(config: Config, weights: Any, ctx: Any = None, runtime: str = "mxnet") -> Engine:
    """Make the engine of a runtime with weights (a file, None: the package's, or a network) on a device.

    Raises
    ------
    InputError
        No such runtime, or weights that cannot be used (`rar_gluon.net.weights.load_network`).
    """
    if runtime not in RUNTIMES:
        raise InputError(f"the runtime is {runtime!r}; accepted: {', '.join(RUNTIMES)}.")
    from rar_gluon.engine.mxnet import load_engine  # importing MXNet takes seconds

    return load_engine(config, weights, ctx, runtime)
