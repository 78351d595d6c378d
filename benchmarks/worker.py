"""One route's process: prepares once, then measures each time it is asked to.

    python benchmarks/worker.py CHECKOUT MODULE:FUNCTION '{"keyword": ...}'

FUNCTION prepares and returns what is to be measured, a function without arguments that may return a mapping with
`items` (how many the times are divided by, 1), `times` (seconds of its parts) and `values` (anything else that is
measured). `rar_gluon` comes from CHECKOUT, this package from beside this file. A line of JSON goes out when ready, and
one for each line that comes in.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Answer the parent until it closes our input."""
    checkout, target, arguments = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    sys.path[0] = str(ROOT)
    importlib.import_module("benchmarks")  # ours, whatever the checkout has of that name
    sys.path[0] = checkout
    module, _, name = target.partition(":")
    measured = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    print(json.dumps({"ready": True}), file=answers)
    for _ in sys.stdin:
        print(json.dumps(measure(measured)), file=answers)


def measure(run: Callable) -> dict:
    """Call once: milliseconds of wall and processor for each item, those of its parts, its values and the peak RSS."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = run() or {}
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    items = answer.get("items", 1)
    times = {"wall": wall, "cpu": cpu, **answer.get("times", {})}
    return {
        **{name: 1000 * seconds / items for name, seconds in times.items()},
        "peak RSS": peak_memory(),
        **answer.get("values", {}),
    }


def peak_memory() -> float:
    """The largest resident memory of this process, MiB. `ru_maxrss` would begin with that of the parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
