"""Score a folder of results from Python: `rar_gluon.score`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Sequence

from rar_gluon.common import InputError
from rar_gluon.data import folder, otb
from rar_gluon.evaluation.benchmarks.score import score_benchmark
from rar_gluon.evaluation.otb.score import BenchmarkScore, score_otb
from rar_gluon.evaluation.sequences import score_folder


def score(
    results: str | os.PathLike,
    annotations: str | os.PathLike,
    protocol: str | None = None,
    sequences: str | os.PathLike | Sequence[str] | None = None,
    allow_missing: bool = False,
    attributes: str = "matlab",
    dataset: str | None = None,
) -> BenchmarkScore:
    r"""Score every tracker of a folder of results.

    Parameters
    ----------
    results : folder of TRACKER/SEQUENCE.txt, or one tracker's folder of SEQUENCE.txt.
    annotations : any folder of sequences, OTB (or its boxes alone, SEQUENCE.txt), or another benchmark.
    protocol : whose rule; None: "matlab" on OTB, "folder" on a folder of sequences, else the benchmark's own.
    sequences : only these; on OTB also "otb2013", "tb50" or "otb2015". None: all.
    allow_missing : score what is there instead of raising when results or sequences are missing.
    attributes : OTB's attribute list, "matlab" or "website".
    dataset : "otb", "folder", or a benchmark as in `rar score BENCHMARK`; None: "folder" where `annotations` holds a
        sequence that is not OTB's, else "otb".

    Returns
    -------
    The scores. `print` shows them as a table; `scores["rar_thin"].auc` is one number.

    Raises
    ------
    InputError
        When something is missing, cannot be read, or is refused by the protocol.

    Examples
    --------
    The truth, scored as if it were a tracker. No overlap is above the last of 21 thresholds, 1:

    >>> from pathlib import Path
    >>> import rar_gluon as rar
    >>> for folder in (Path("annotations"), Path("runs/truth")):
    ...     folder.mkdir(parents=True)
    ...     _ = (folder / "Deer.txt").write_text("306,5,95,65\n" * 71)
    >>> scores = rar.score("runs", "annotations", sequences=["Deer"])
    >>> round(scores["truth"].auc, 3), float(scores["truth"].dp)
    (0.952, 1.0)
    """
    dataset = dataset or ("otb" if is_otb(annotations) else "folder")
    if dataset == "otb":
        lists = "otb2015" if sequences is None else sequences
        return score_otb(results, annotations, protocol or "matlab", lists, allow_missing, attributes)
    if dataset == "folder":
        return score_folder(results, annotations, sequences, protocol or "folder", allow_missing)
    return score_benchmark(dataset, results, annotations, protocol, sequences, allow_missing)


def is_otb(root: str | os.PathLike) -> bool:
    """Tell whether a folder holds no sequence but OTB's; one that holds none may have OTB's boxes."""
    try:
        names = folder.sequence_names(root)
    except InputError:
        return Path(root).is_dir()
    return set(names) <= {entry.folder for entry in otb.ENTRIES.values()}
