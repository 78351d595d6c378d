"""RAR: learning reinforced attentional representation for end-to-end visual tracking, in MXNet/Gluon."""

from __future__ import annotations

import os


def _physical_cores() -> int:
    """Count the physical cores this process may use (Linux; elsewhere the logical ones)."""
    try:
        logical = os.sched_getaffinity(0)
    except AttributeError:  # not Linux
        return os.cpu_count() or 1
    siblings = set()
    for cpu in logical:
        try:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as file:
                siblings.add(file.read())
        except OSError:
            siblings.add(str(cpu))
    return len(siblings)


# MXNet 1.9.1 uses one core when this is unset, and reads it once, at import: set it before anything imports mxnet.
os.environ.setdefault("OMP_NUM_THREADS", str(_physical_cores()))

__version__ = "0.1.0"
