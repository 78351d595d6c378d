"""Run any tracker over any dataset: what `rar eval` does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, List
from typing import Sequence as ListOf

from rar_gluon.common import InputError, expanded, inside
from rar_gluon.data.datasets import load_sequences
from rar_gluon.evaluation import runner
from rar_gluon.evaluation.runner import Finished
from rar_gluon.evaluation.trackers import runnable


def evaluate(
    tracker: Any,
    dataset: str,
    root: str | os.PathLike,
    output: str | os.PathLike,
    name: str | None = None,
    sequences: str | ListOf[str] | None = None,
    allow_missing: bool = False,
    supervised: str | None = None,
    weights: str | os.PathLike | None = None,
    pretrained: bool = False,
    device: int | None = None,
    runtime: str | None = None,
    precision: str = "fp32",
    workers: int = 1,
    scheduler: str | None = None,
) -> List[Finished]:
    r"""Run a tracker over a dataset; what is there already of its results is not done again.

    Parameters
    ----------
    tracker : an object with `init(frame, box)` and `update(frame)`, or a function or class that makes one; or a name
        (`rar_gluon.evaluation.trackers.runnable`).
    dataset, root : name of a dataset (`rar_gluon.data.datasets.DATASETS`), and where it is.
    output, name : results go to OUTPUT/NAME/SEQUENCE.txt; default: the tracker's name.
    sequences : only these, a list or A,B,...; default: all.
    allow_missing : run what is there of the dataset.
    supervised : VOT's experiment with re-initialisation, of the challenge of that name, instead of one pass.
    weights, pretrained, device, runtime, precision : of ours, when `tracker` is a configuration's name (`runnable`).
    workers, scheduler : processes on this machine, or the address of a Dask scheduler; they need a name or a factory.

    Returns
    -------
    How each sequence went that was not done before; one that failed has a `failure`.

    Raises
    ------
    InputError
        Tracker or dataset cannot be had, or `output` holds results of another tracker.

    Examples
    --------
    A tracker that believes that nothing moves, on one sequence of three frames:

    >>> from pathlib import Path
    >>> import cv2
    >>> import numpy as np
    >>> import rar_gluon as rar
    >>> class Still:
    ...     def init(self, frame, box):
    ...         self.box = box
    ...     def update(self, frame):
    ...         return self.box
    >>> folder = Path("sequences/grey")
    >>> folder.mkdir(parents=True)
    >>> for number in range(3):
    ...     _ = cv2.imwrite(f"{folder}/{number}.png", np.full((60, 80, 3), 99, np.uint8))
    >>> _ = (folder / "groundtruth.txt").write_text("20,20,30,20\n" * 3)
    >>> [finished.name for finished in rar.evaluate(Still, "folder", "sequences", "runs")]
    ['grey']
    >>> Path("runs/Still/grey.txt").read_text().split()
    ['20,20,30,20', '20,20,30,20', '20,20,30,20']
    """
    if workers < 1:
        raise InputError(f"--workers is {workers}, but at least 1 is needed.")
    chosen = load_sequences(dataset, Path(root), sequences, allow_missing)
    run = runnable(tracker, None if weights is None else Path(weights), pretrained, device, runtime, precision)
    if run.shared and (workers > 1 or scheduler is not None):
        raise InputError("one tracker cannot run in several processes: give a function that makes one.")
    folder = inside(expanded(output), name or run.name)
    if folder.resolve() in {Path(root, part).resolve() for part in ("", *(sequence.name for sequence in chosen))}:
        raise InputError(f"{folder} holds the sequences themselves: give another output for their results.")
    if dataset == "folder" and Path(root).resolve() in folder.resolve().parents:
        raise InputError(f"{folder} is in {root}, where it would be taken for a sequence: give another output.")
    protocol = None
    if supervised is not None:
        from rar_gluon.evaluation.vot.protocol import load_protocol

        protocol = load_protocol(supervised)
    return runner.run(run.make, chosen, folder, run.record(), workers, scheduler, protocol)
