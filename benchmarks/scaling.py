"""What a second worker brings: `rar eval` on one and two, joblib beside Dask, `dist_sync` on one and two."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, List, Sequence

import cv2

from benchmarks import video
from benchmarks.alternate import Case, Route

SEQUENCES = 4
TRAINING = "base: rar_thin\nfilter: {contexts: 0}\ntraining: {epochs: 1, epoch_clips: 64, start: random}\n"


def cases(options) -> List[Case]:
    """Whole commands, which start Python, import and compile as a user's do."""
    root = options.scratch
    write_sequences(root / "sequences", 10 if options.short else 40)
    (root / "config.yaml").write_text(TRAINING, encoding="utf-8")
    evaluate = ["eval", "--dataset", "folder", "--root", str(root / "sequences"), "--tracker", "rar_thin"]
    train = ["train", "--config", str(root / "config.yaml"), "--output", "OUTPUT/run"]
    evaluations = [
        Route(
            f"joblib, {workers} workers",
            "benchmarks.scaling:command",
            {"arguments": [*evaluate, "--output", "OUTPUT", "--workers", str(workers)]},
            os.cpu_count(),
        )
        for workers in (1, 2)
    ]
    evaluations.append(
        Route("Dask, 2 workers", "benchmarks.scaling:with_dask", {"arguments": [*evaluate, "--output", "OUTPUT"]})
    )
    trainings = [Route("one process", "benchmarks.scaling:command", {"arguments": train}, os.cpu_count())]
    for workers in (1, 2):
        launch = [
            "launch",
            "-n",
            str(workers),
            "--",
            sys.executable,
            "-m",
            "rar_gluon.cli",
            *train,
            "--store",
            "dist_sync",
        ]
        trainings.append(
            Route(f"dist_sync, {workers} workers", "benchmarks.scaling:command", {"arguments": launch}, os.cpu_count())
        )
    return [Case("rar eval", evaluations), Case("rar train, 4 steps of 16", trainings)]


def command(arguments: Sequence[str]) -> Callable:
    """`rar` with arguments, into a fresh folder that OUTPUT stands for."""
    checkout = sys.path[0]

    def run() -> dict:
        before = os.times()
        with tempfile.TemporaryDirectory() as folder:
            options = [argument.replace("OUTPUT", folder) for argument in arguments]
            subprocess.run(
                [sys.executable, "-m", "rar_gluon.cli", *options],
                check=True,
                cwd=checkout,  # -m looks there before PYTHONPATH
                env={**os.environ, "PYTHONPATH": checkout, "RAR_QUIET": "1"},
                stdout=sys.stderr,
            )
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return {"times": {"cpu": cpu}}

    return run


def with_dask(arguments: Sequence[str]) -> Callable:
    """`rar eval` on two workers of a Dask scheduler, which run already."""
    import atexit

    from distributed import LocalCluster

    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    atexit.register(cluster.close)
    return command([*arguments, "--scheduler", cluster.scheduler_address])


def write_sequences(folder: Path, count: int) -> None:
    """Write the first frames of a clip as sequences of images, each with the target's first box."""
    for number in range(SEQUENCES):
        images = folder / f"clip{number}" / "img"
        images.mkdir(parents=True)
        for index, frame in enumerate(video.frames("carphone", count), 1):
            cv2.imwrite(str(images / f"{index:04d}.jpg"), frame)
        x, y, w, h = video.first_box("carphone")
        truth = f"{x + 1},{y + 1},{w},{h}\n" * count
        (images.parent / "groundtruth_rect.txt").write_text(truth, encoding="utf-8")
