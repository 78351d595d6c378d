"""Say whether MXNet sees its GPUs and computes on each what the CPU computes; status 1 when not.

python experiments/aws/check.py [--gpu]          # --gpu: there must be one
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

import rar_gluon

CARDS = "README.md says which wheel has machine code for which card"


def main() -> int:
    """Check, print a line for each device."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", action="store_true", help="fail when there is no GPU")
    arguments = parser.parse_args()
    try:
        import mxnet as mx
    except OSError as error:
        if "libcuda.so" in str(error):
            return fail("there is no NVIDIA driver (libcuda.so.1): install one as docs/aws.md says.")
        return fail(f"a library of MXNet is missing ({error}): source .venv/bin/activate first.")
    count = mx.context.num_gpus()
    print(f"rar-gluon {rar_gluon.__version__}, MXNet {mx.__version__}: {count} GPUs")
    if arguments.gpu and not count:
        return fail("MXNet sees no GPU: does nvidia-smi, and is this the wheel for one (EXTRA=cu112)?")
    expected = compute(mx, mx.cpu())
    for number in range(count):
        try:
            error = float(np.abs(compute(mx, mx.gpu(number)) - expected).max())
        except mx.base.MXNetError as problem:
            return fail(f"GPU {number} does not compute ({str(problem).splitlines()[-1]}): {CARDS}.")
        if not error < 1e-3:
            return fail(f"GPU {number} computes something else than the CPU (by {error:.1e}): {CARDS}.")
        print(f"GPU {number}: agrees with the CPU to {error:.1e}")
    print("CPU: computes" if not count else "all GPUs compute")
    return 0


def compute(mx, ctx) -> np.ndarray:
    """Gradient of a convolution (cuDNN), a matrix product (cuBLAS) and an element-wise operation (MXNet's own)."""
    random = np.random.default_rng(0)
    data, weight, matrix = (
        mx.nd.array(random.normal(size=shape), ctx=ctx) for shape in ((2, 3, 16, 16), (4, 3, 3, 3), (16, 16))
    )
    weight.attach_grad()
    with mx.autograd.record():
        maps = mx.nd.Convolution(data, weight, kernel=(3, 3), pad=(1, 1), num_filter=4, no_bias=True)
        mx.nd.tanh(mx.nd.dot(maps, matrix) / 16).sum().backward()
    return weight.grad.asnumpy()


def fail(message: str) -> int:
    """Print one sentence."""
    print(f"check.py: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
