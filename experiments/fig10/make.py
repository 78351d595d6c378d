"""Fig. 10: VOT's supervised experiment, ranked by expected average overlap."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Dict, List, Tuple

from experiments.call import Call
from experiments.comparisons import Made, keep_evaluation, plan_frames, run_trackers
from experiments.sizes import planned_frames, sequences_of
from rar_gluon.common import InputError
from rar_gluon.data import vot as vot_dataset
from rar_gluon.data.sequence import Sequence
from rar_gluon.evaluation.vot.annotations import annotation_of
from rar_gluon.evaluation.vot.protocol import VotProtocol
from rar_gluon.evaluation.vot.protocol import load_protocol as load_vot_protocol
from rar_gluon.evaluation.vot.score import score_vot
from rar_gluon.report.published import LITERATURE

FRAMES = 42811  # of VOT-2016 and VOT-2017
CHALLENGES = {"VOT2016": "vot2016", "VOT2017": "vot2017"}  # and their folders


def make(call: Call) -> Made:
    """Fig. 10: VOT's supervised experiment, ranked by expected average overlap."""
    from experiments.fig10.eao import eao_figure, eao_table, read_eao

    tables, pictures = [], {}
    for challenge, (sequences, folders) in supervised_runs(call).items():
        protocol, name = load_vot_protocol(challenge), CHALLENGES[challenge]
        where = challenge if call.full else f"{len(sequences)} sequences, rules of {challenge}"
        truths = [annotation_of(sequence) for sequence in sequences]
        scores = {tracker: score_vot(path, truths, protocol)[path.name] for tracker, path in folders.items()}
        published = read_eao(LITERATURE / "vot_eao.csv", challenge)
        table = eao_table(scores, published, protocol, where)
        tables.append(dataclasses.replace(table, name=f"eao_{name}"))
        caption = f"{where}. Dashed: the paper's values, on the whole of {challenge}."
        pictures[f"eao_{name}"] = (caption, eao_figure(scores, published, where))
    return Made(tables, pictures)


def plan(call: Call) -> str:
    """What it would cost."""
    if call.full:
        return plan_frames(call, FRAMES, load_vot_protocol().deterministic_after)
    return plan_frames(call, planned_frames(call.size.comparison.supervised, call.size.name))


def supervised_runs(call: Call) -> Dict[str, Tuple[List[Sequence], Dict[str, Path]]]:
    """Run the trackers supervised; sequences and folders of results by challenge.

    At size full each challenge has its sequences; else both rank one run on the same ones, since they differ in the
    interval of EAO only.
    """

    def run(sequences: List[Sequence], folder: Path, protocol: VotProtocol) -> Tuple[List[Sequence], Dict[str, Path]]:
        folders, failed = run_trackers(call, sequences, folder, protocol)
        if failed:
            raise InputError(f"EAO needs every sequence, but {failed[0]}")
        return sequences, folders

    folder = call.boxes / "supervised"
    if not call.full:
        comparison = call.size.comparison
        sequences = sequences_of(comparison.supervised)
        keep_evaluation(folder, comparison.supervised.content(sequences))
        protocol = dataclasses.replace(load_vot_protocol(), repetitions=comparison.repetitions)
        return dict.fromkeys(CHALLENGES, run(sequences, folder, protocol))
    roots = {challenge: call.vot / name for challenge, name in CHALLENGES.items()}
    present = {challenge: root for challenge, root in roots.items() if root.is_dir()}
    if not present:
        raise InputError(f"{call.vot} holds neither {' nor '.join(CHALLENGES.values())}: put VOT's folders there.")
    return {
        challenge: run(vot_dataset.load(root), folder / root.name, load_vot_protocol(challenge))
        for challenge, root in present.items()
    }
