"""What this machine's arithmetic reaches: the rate that all other times are held against."""

from __future__ import annotations

import time
from typing import Callable, List

import rar_gluon  # noqa: F401  (before mxnet: sets its threads)

import mxnet as mx  # isort: skip

from benchmarks.alternate import Case, Route

REPEATS = 5


def cases(options) -> List[Case]:
    """A matrix product and the 3x3 convolution that RAR's backbone mostly is, on one thread and more."""
    routes = [
        Route(f"{name}, {threads} threads", f"benchmarks.peak:{function}", threads=threads, ours=False)
        for name, function in (("sgemm 2048³", "sgemm"), ("3x3, 256 to 256, 31x31, batch 4", "convolution"))
        for threads in options.threads
    ]
    return [Case("GFLOP/s", routes)]


def sgemm() -> Callable:
    """Product of two matrices of 2048 x 2048 float32."""
    a, b = (mx.nd.random.normal(shape=(2048, 2048)) for _ in "ab")
    return _rated(lambda: mx.nd.dot(a, b), 2 * 2048**3)


def convolution() -> Callable:
    """3x3 convolution of conv4's size."""
    x, weight = mx.nd.random.normal(shape=(4, 256, 31, 31)), mx.nd.random.normal(shape=(256, 256, 3, 3))
    block = mx.gluon.nn.Conv2D(256, 3, 1, 1, in_channels=256, use_bias=False)
    block.initialize()
    block.weight.set_data(weight)
    block.hybridize(static_alloc=True, static_shape=True)  # the kernel stays as oneDNN wants it
    return _rated(lambda: block(x), 2 * 4 * 31 * 31 * 256 * 256 * 9)


def _rated(product: Callable, operations: int) -> Callable:
    """Call several times; the rate is of the fastest, by processor time on one thread (others may run beside)."""

    def run() -> dict:
        seconds = []
        for _ in range(REPEATS):
            start, cpu = time.perf_counter(), time.process_time()
            product().wait_to_read()
            wall, cpu = time.perf_counter() - start, time.process_time() - cpu
            seconds.append(cpu if mx.util.getenv("OMP_NUM_THREADS") == "1" else wall)
        return {"items": REPEATS, "values": {"GFLOP/s": operations / min(seconds) / 1e9}}

    return run
