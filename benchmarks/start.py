"""What one command costs before it is of use: `rar track` until the first box that was tracked."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, List

import cv2

from benchmarks import video
from benchmarks.alternate import Case, Route


def cases(options) -> List[Case]:
    """A case for each number of threads, with both runtimes in turn."""
    return [
        Case(
            f"rar track of two frames, {threads} threads",
            [
                Route(name, "benchmarks.start:two_frames", {"runtime": runtime, "size": options.size}, threads)
                for name, runtime in (("MXNet", "mxnet"), ("ONNX Runtime", "onnx"))
            ],
        )
        for threads in options.threads
    ]


def two_frames(runtime: str, size: video.Size = None) -> Callable:
    """The command on a folder of two images, from its start to its end; processor and memory are the command's."""
    folder = tempfile.TemporaryDirectory()
    for number, frame in enumerate(video.frames("carphone", 2, size)):
        cv2.imwrite(str(Path(folder.name) / f"{number}.png"), frame)
    box = ",".join(map(str, video.first_box("carphone", size)))
    command = [sys.executable, "-m", "rar_gluon.cli", "track", folder.name, "--init", box, "--runtime", runtime]

    checkout = sys.path[0]

    def run() -> dict:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = {**os.environ, "PYTHONPATH": checkout}  # -m looks in the working folder before
        subprocess.run(command, check=True, capture_output=True, cwd=checkout, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"times": {"cpu": cpu}, "values": {"peak RSS": after.ru_maxrss / 1024}}

    run.folder = folder  # is there as long as what is measured
    return run
