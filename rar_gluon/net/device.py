"""The device to compute on."""

from __future__ import annotations

from typing import List

from rar_gluon.common import InputError


def find_device(number: int | None = None):
    """Find a device: a GPU's number, -1 the CPU, None the first GPU if there is one; gives MXNet's context."""
    import mxnet as mx  # here: it takes seconds, and `parse_devices` does without

    gpus = mx.context.num_gpus()
    if number is not None and number >= gpus:
        raise InputError(f"GPU {number} is asked for, but MXNet sees {gpus} GPUs; -1 is the CPU.")
    on_gpu = gpus > 0 if number is None else number >= 0
    return mx.gpu(number or 0) if on_gpu else mx.cpu()


def parse_devices(text: str) -> List[int]:
    """Read `0,1,...`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--devices is {text!r}, but GPUs' numbers 0,1,... are needed.") from None
