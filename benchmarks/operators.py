"""The operators of `net/operators.py` beside MXNet's own for the same values, forward and backward."""

from __future__ import annotations

from typing import Callable, Dict, List

from benchmarks.alternate import Case, Route

SHAPE = (8, 1024, 27, 27)  # of conv4 in a training step of row 13
ROUTES = ("theirs", "ours")
NAMES = ("relu", "mean over channels", "maximum over channels", "φ ⊗ Ψˢ ⊗ Ψᶜ ⊕ φ", "unit energy")


def cases(options) -> List[Case]:
    """A case for each operation."""
    return [
        Case(name, [Route(route, f"benchmarks.operators:{route}", {"name": name}, ours=False) for route in ROUTES])
        for name in NAMES
    ]


def theirs(name: str) -> Callable:
    """By MXNet's operators of these names."""
    channels = SHAPE[1]
    return _measured(
        {
            "relu": lambda F, x, s, c: F.relu(x),
            "mean over channels": lambda F, x, s, c: F.mean(x, axis=1, keepdims=True),
            "maximum over channels": lambda F, x, s, c: F.max(x, axis=1, keepdims=True),
            "φ ⊗ Ψˢ ⊗ Ψᶜ ⊕ φ": lambda F, x, s, c: F.broadcast_mul(F.broadcast_mul(x, s), c) + x,
            "unit energy": lambda F, x, s, c: F.broadcast_div(
                x, F.sqrt(F.mean(F.square(x), axis=(1, 2, 3), keepdims=True) + 1e-12)
            ),
        }[name],
        channels,
    )


def ours(name: str) -> Callable:
    """As the network asks for it."""
    from rar_gluon.net import operators

    channels = SHAPE[1]
    functions: Dict[str, Callable] = {
        "relu": lambda F, x, s, c: operators.relu(F, x),
        "mean over channels": lambda F, x, s, c: operators.channel_mean(F, x, channels),
        "maximum over channels": lambda F, x, s, c: operators.channel_max(F, x, channels),
        "φ ⊗ Ψˢ ⊗ Ψᶜ ⊕ φ": lambda F, x, s, c: operators.emphasise(F, x, s, c),
        "unit energy": lambda F, x, s, c: operators.unit_energy(F, x),
    }
    return _measured(functions[name], channels)


def _measured(function: Callable, channels: int) -> Callable:
    """Time the compiled function forward, and backward, apart."""
    import time

    import rar_gluon  # noqa: F401  (before mxnet: sets its threads)

    import mxnet as mx  # isort: skip

    class Block(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, x, s, c):
            return function(F, x, s, c)

    block = Block()
    block.hybridize()
    mx.random.seed(0)
    batch, _, height, width = SHAPE
    shapes = ((batch, channels, height, width), (batch, 1, height, width), (batch, channels, 1, 1))
    arrays = [mx.nd.random.normal(shape=shape) for shape in shapes]
    for array in arrays:
        array.attach_grad()

    def run() -> dict:
        mx.nd.waitall()
        start = time.perf_counter()
        with mx.autograd.record():
            output = block(*arrays)
        mx.nd.waitall()
        middle = time.perf_counter()
        output.backward()
        mx.nd.waitall()
        return {"times": {"forward": middle - start, "backward": time.perf_counter() - middle}}

    return run
