"""The C library's memory, set for MXNet: what the command line and trainings do, and a program of yours can."""

from __future__ import annotations

import ctypes
import os

TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8  # glibc's malloc.h


def keep_freed_memory() -> None:
    """Let glibc's malloc keep freed memory for the next array, unless the user has set a MALLOC_ variable.

    MXNet allocates every intermediate array anew on CPUs, and malloc takes large ones from the system each time: the
    page faults cost a third of a training step. This holds for the whole process, whose memory then grows and does not
    shrink. Call it before the first array is made. With another C library it does nothing.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library
        return
    mallopt(TRIM_THRESHOLD, 2**31 - 1)
    mallopt(MMAP_MAX, 0)  # all from one heap
    mallopt(ARENA_MAX, 1)
