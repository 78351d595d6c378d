"""The process that we run in: threads that were asked for, variables that MXNet reads, forks."""

from __future__ import annotations

import ctypes
import os

from rar_gluon.common import InputError

ENGINES = ("ThreadedEnginePerDevice", "ThreadedEngine", "NaiveEngine")  # MXNet's, of MXNET_ENGINE_TYPE


def set_threads(default: int) -> None:
    """Make OMP_NUM_THREADS one number, which MXNet needs: the first of a list (as OpenMP takes it), else `default`."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    os.environ["OMP_NUM_THREADS"] = first if first.isdecimal() and int(first) > 0 else str(default)


def threads() -> int:
    """Threads that a process computes with."""
    return int(os.environ["OMP_NUM_THREADS"])


def check_variables() -> None:
    """Raise `InputError` for a variable that MXNet would end the process for, without a sentence."""
    for name, value in os.environ.items():
        number = name.startswith("MXNET_") and name.endswith("_NTHREADS") and value != ""
        if number and not (value.strip().isdecimal() and int(value) > 0):
            raise InputError(f"the variable {name} is {value!r}, but a number of threads is needed: unset it.")
    engine = os.environ.get("MXNET_ENGINE_TYPE")
    if engine and engine not in ENGINES:
        raise InputError(
            f"the variable MXNET_ENGINE_TYPE is {engine!r}, but MXNet knows {', '.join(ENGINES)}: unset it."
        )


def outlive_forks() -> None:
    """Let MXNet compute in forked processes too (multiprocessing's default on Linux), with one thread.

    OpenMP's other threads are not there after a fork, and whoever waits for them hangs (GNU OpenMP, MXNet 1.9.1).
    """
    try:
        limit = ctypes.CDLL("libgomp.so.1").omp_set_num_threads
    except (AttributeError, OSError):  # not Linux
        return
    os.register_at_fork(after_in_child=lambda: limit(1))
