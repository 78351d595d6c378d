"""The device to compute on."""

from __future__ import annotations

import warnings
from typing import List, Tuple

from rar_gluon.common import InputError, Notice


def count_gpus() -> Tuple[int, str]:
    """Number of GPUs that MXNet sees, and what NVIDIA's driver answers where it answers an error, else ""."""
    import mxnet as mx  # here: it takes seconds, and `parse_devices` does without

    try:
        return mx.context.num_gpus(), ""
    except mx.base.MXNetError as error:  # too old a driver, or a container without a card
        text = next((line for line in str(error).splitlines() if "Check failed" in line), str(error))
        return 0, text.rpartition("cudaSuccess")[2].split(") : ")[-1].strip(" :.") or "an error"


def find_device(number: int | None = None):
    """Find a device: a GPU's number, -1 the CPU, None the first GPU if there is one; gives MXNet's context.

    A driver that answers an error is a `Notice` where no GPU is asked for, and the CPU computes.
    """
    import mxnet as mx

    if number is not None and number < 0:
        return mx.cpu()
    gpus, problem = count_gpus()
    if number is None and problem:
        notice = f"the CPU computes, because NVIDIA's driver answers: {problem}; see rar doctor."
        warnings.warn(Notice(notice), stacklevel=2)
    if number is not None and problem:
        raise InputError(
            f"GPU {number} is asked for, but NVIDIA's driver answers: {problem}; rar doctor says more, -1 is the CPU."
        )
    if number is not None and number >= gpus:
        raise InputError(f"GPU {number} is asked for, but MXNet sees {gpus} GPUs; -1 is the CPU.")
    return mx.gpu(number or 0) if gpus else mx.cpu()


def parse_devices(text: str) -> List[int]:
    """Read `0,1,...`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--devices is {text!r}, but GPUs' numbers 0,1,... are needed.") from None
