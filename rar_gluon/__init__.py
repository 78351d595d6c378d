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


# Both are read once, when mxnet is imported; a user's own value stays. Unset, MXNet 1.9.1 uses one core; and threads
# that spin while they wait make it ten times slower as soon as another process wants a core.
os.environ.setdefault("OMP_NUM_THREADS", str(_physical_cores()))
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Likewise for cv2 and its decoder, which print what they think of a broken file; we say it in one sentence ourselves.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

__version__ = "0.1.0"
