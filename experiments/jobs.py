"""The rows of an ablation as jobs: what each is, running one in a process of its own, and running many.

A job is one row with one seed, in OUTPUT/ROW/seed0/: job.json (all that its numbers depend on, by content, and where
that lies), training/ (log.csv, checkpoints, step-N.npz, last.npz), matching/ (STEP.csv: a line a pair) and
matching.json, results/ (boxes) and scores.json, log.txt. What is there is not done again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np
from tqdm import tqdm

import rar_gluon  # noqa: F401  (before mxnet: sets its threads)
from experiments.sizes import (
    HERE,
    Evaluation,
    Matching,
    plain,
    protocol_name,
    read_into,
    records_identity,
    sequences_of,
    sources_of,
)
from rar_gluon import config as configuration
from rar_gluon.common import InputError, Stopped, owned, read_json, stoppable, write_text
from rar_gluon.config import Config
from rar_gluon.data.sequence import Sequence as TrackedSequence
from rar_gluon.evaluation.runner import connect
from rar_gluon.processes import threads
from rar_gluon.training.start import fitting, identity

if TYPE_CHECKING:
    from dask.distributed import Future

JOB = "job.json"
STAGES = {"start": "starts", "train": "trains", "match": "is matched", "track": "tracks", "done": "done"}
OUTCOMES = {"matching": "matching.json", "tracking": "scores.json"}  # and the file that says that one is there
GATES = 32  # search regions that the spread of the gates and offsets is measured on
KEPT = 4  # batches of pairs after which the matches are written
POLL = 1.0  # seconds between looks at the jobs' folders
STOP = "stop"  # file that ends a job which a cluster runs


@dataclass(frozen=True)
class Job:
    """One row with one seed, and which of `OUTCOMES` it is for."""

    row: str
    seed: int
    folder: Path
    config: Config
    outcomes: Tuple[str, ...] = tuple(OUTCOMES)

    @property
    def name(self) -> str:
        return f"{self.row} seed {self.seed}"

    @property
    def done(self) -> bool:
        return has_outcomes(self.folder, self.outcomes)


def stages_of(outcomes: Sequence[str]) -> List[str]:
    """Stages that take time on the way to outcomes."""
    return [
        "train",
        *(stage for outcome, stage in (("matching", "match"), ("tracking", "track")) if outcome in outcomes),
    ]


def has_outcomes(folder: Path, outcomes: Sequence[str]) -> bool:
    """Whether these outcomes are in a job's folder."""
    return all((folder / OUTCOMES[outcome]).is_file() for outcome in outcomes)


@dataclass(frozen=True)
class Data:
    """What the jobs of a call see, besides their configuration.

    Attributes
    ----------
    start : weights that trainings start from, a name or a file; None: what fits the network.
    records : folders that are trained on, and their weights.
    matching, tracking : the pairs and the sequences.
    content : the same by content, wherever it lies (`content_of`).
    """

    start: str | None
    records: Mapping[str, float]
    matching: Matching
    tracking: Evaluation
    content: Mapping[str, Any]


def data_of(
    start: str | None,
    records: Mapping[str, float],
    matching: Matching,
    tracking: Evaluation,
    sequences: Sequence[TrackedSequence],
) -> Data:
    """Data of a call, whose tracked `sequences` are open."""
    content = {
        "records": {records_identity(folder): weight for folder, weight in records.items()},
        "matching": matching.content(),
        "tracking": tracking.content(sequences),
        "protocol": protocol_name(tracking.folders),
    }
    return Data(start, records, matching, tracking, content)


def description(job: Job, data: Data) -> Dict[str, Any]:
    """All that a job's numbers depend on, by content; a file of weights and records are known by their hash."""
    start = identity(job.config.network, data.start)
    return {"config": configuration.to_dict(job.config), "start": start, **data.content}


def places(job: Job, data: Data) -> Dict[str, Any]:
    """Where a job finds what it is described by."""
    return {
        "start": data.start or fitting(job.config.network),
        "records": dict(data.records),
        "matching": plain(data.matching),
        "tracking": plain(data.tracking),
    }


def read_job(folder: Path) -> Dict[str, Any]:
    """The description in a job's folder; settings that did not exist when it was written have their defaults."""
    stored = read_json(folder / JOB)
    stored.pop("places", None)
    with contextlib.suppress(InputError):  # a setting that is no more: equal to none of today
        stored["config"] = configuration.to_dict(configuration.from_dict(stored.get("config")))
    return stored


def write_job(job: Job, data: Data) -> None:
    """Write job.json, or check that the one that is there says the same."""
    needed = json.loads(json.dumps(description(job, data)))
    if any((job.folder / part).exists() for part in ("training", *OUTCOMES.values())):
        _reconcile(job.folder, needed)
    path, text = job.folder / JOB, json.dumps({**needed, "places": places(job, data)}, indent=1) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def _reconcile(folder: Path, needed: Mapping) -> None:
    """Drop of a job that was begun what must be made anew for these settings; `InputError` when that is all of it."""
    stored = read_job(folder)
    if stored == needed:
        return
    if needed == {**stored, "protocol": needed["protocol"]}:  # the same boxes, to be scored again
        (folder / OUTCOMES["tracking"]).unlink(missing_ok=True)
    elif only_more_pairs(stored, needed):  # the first of them are matched
        (folder / OUTCOMES["matching"]).unlink(missing_ok=True)
    else:
        raise InputError(f"{folder} was begun with other settings: give another --output, or remove it.")


def only_more_pairs(stored: Mapping, needed: Mapping) -> bool:
    """Whether a description differs from another by more pairs alone."""
    fewer, more = (one.get("matching", {}) for one in (stored, needed))
    less = fewer.get("pairs", 0) < more.get("pairs", 0)
    return less and needed == {**stored, "matching": {**fewer, "pairs": more["pairs"]}}


def distinct(jobs: Sequence[Job]) -> List[Job]:
    """The first of each set of jobs of equal settings: two rows can be one configuration."""
    return list({json.dumps(read_job(job.folder)): job for job in reversed(jobs)}.values())[::-1]


def take_equal(jobs: Sequence[Job], outputs: Path) -> None:
    """Copy what done jobs of equal settings gave, of this or another table below `outputs`."""
    folders = [path.parent for path in sorted(outputs.glob(f"*/*/seed*/{JOB}"))]
    trained = {folder: read_job(folder) for folder in folders if (folder / "training").is_dir()}
    for job in jobs:
        needed = read_job(job.folder)
        equal = (folder for folder, stored in trained.items() if stored == needed)
        source = next((folder for folder in equal if has_outcomes(folder, job.outcomes)), None)
        if source is not None and not job.done:
            for part in ("training", "matching", "results"):
                if (source / part).is_dir():
                    shutil.copytree(source / part, job.folder / part, dirs_exist_ok=True)
            write_text(job.folder / "log.txt", f"Taken from {source}, a job of equal settings.\n")
            for file in map(OUTCOMES.get, job.outcomes):  # last: done
                write_text(job.folder / file, (source / file).read_text(encoding="utf-8"))


# --- one job, in a process of its own


def run_job(folder: Path, outcomes: Sequence[str], devices: Sequence[int]) -> None:
    """Do what is missing of a job: train on all of the devices, match and track on the first."""
    import mxnet as mx

    from rar_gluon.net.device import find_device

    job = read_json(folder / JOB)
    config, where = configuration.from_dict(job["config"], str(folder)), job["places"]
    matching = read_into(Matching, where["matching"], str(folder))
    contexts = [find_device(device) for device in devices]
    missing = [outcome for outcome in outcomes if not has_outcomes(folder, [outcome])]
    if not (folder / "training" / "last.npz").is_file():
        _train(folder, config, where, matching.steps, contexts)
    if "matching" in missing:
        _match(folder, matching, config, contexts[0])
    if "tracking" in missing:
        _track(folder, read_into(Evaluation, where["tracking"], str(folder)), config, contexts[0])
    mx.nd.waitall()


def _train(folder: Path, config: Config, where: Mapping, snapshots: Sequence[int], contexts: Sequence) -> None:
    from rar_gluon.data.clips import training_clips
    from rar_gluon.training.checkpoint import existing
    from rar_gluon.training.loop import Options, train
    from rar_gluon.training.start import start_network

    training = folder / "training"
    clips = training_clips(config, {Path(path): weight for path, weight in where["records"].items()})
    resumed = existing(training / "checkpoints")
    net = start_network(config, where["start"], contexts[0], None if resumed else clips)
    store = "device" if len(contexts) > 1 else "local"
    options = Options(contexts, store, loaders=len(contexts), resume=True, keep=1, snapshots=snapshots)
    train(net, config, clips, training, options=options, provenance={"start": identity(config.network, where["start"])})
    shutil.rmtree(training / "checkpoints", ignore_errors=True)


def _match(folder: Path, chosen: Matching, config: Config, ctx) -> None:
    """Match the pairs with the weights of each step that is asked for, and the last."""
    from rar_gluon.net.weights import load_network
    from rar_gluon.training import matching
    from rar_gluon.training.loop import snapshot_path

    pairs = matching.pairs_of(sources_of(chosen), config, chosen.gap, chosen.shift, chosen.scale)
    windows = np.stack([pairs[number].search for number in range(GATES)])
    training, numbers = folder / "training", {}
    steps = {step: snapshot_path(training, step) for step in chosen.steps}
    kept = {step: path for step, path in steps.items() if path.is_file()}
    for step, weights in {**kept, steps_of(config): training / "last.npz"}.items():
        table = folder / "matching" / f"{step}.csv"
        matches = matching.read_matches(table) if table.is_file() else []
        net = load_network(config, weights, ctx)
        for count, batch in enumerate(matching.match(net, config, pairs, range(len(matches), chosen.pairs))):
            matches += batch
            if count % KEPT == 0:
                matching.write_matches(table, matches)
        matching.write_matches(table, matches)
        gates = {**matching.gate_spread(net, windows), **matching.offset_spread(net, windows)}
        numbers[step] = {**matching.summary(matching.read_matches(table)), "gates": gates}
    write_text(folder / OUTCOMES["matching"], json.dumps(numbers, indent=1) + "\n")


def _track(folder: Path, evaluation: Evaluation, config: Config, ctx) -> None:
    from rar_gluon.data.sequence import read_boxes
    from rar_gluon.evaluation import runner
    from rar_gluon.evaluation.sequences import protocol_of, score_boxes
    from rar_gluon.provenance import describe_run
    from rar_gluon.tracking.tracker import Tracker

    weights, sequences = folder / "training" / "last.npz", sequences_of(evaluation)
    tracker = Tracker(config, weights, ctx)
    record = describe_run(configuration.to_dict(config), weights)
    failures = [f for f in runner.run(lambda: tracker, sequences, folder / "results", record) if f.failure]
    if failures:
        print("\n".join(failure.failure for failure in failures), file=sys.stderr)
        raise InputError(f"{failures[0].name} could not be tracked: {failures[0].reason}")
    scores = {}
    for sequence in sequences:
        boxes, protocol = read_boxes(folder / "results" / f"{sequence.name}.txt"), protocol_of([sequence])
        score = score_boxes(boxes, sequence, protocol)
        scores[sequence.name] = {"auc": score.auc, "dp": score.dp}
    write_text(folder / OUTCOMES["tracking"], json.dumps(scores, indent=1) + "\n")


def job_main(folder: Path, outcomes: Sequence[str], devices: Sequence[int]) -> int:
    """Run a job until it is done or the process that started it goes (its end of our standard input closes)."""

    def leave_with_parent() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)  # the training saves; everything else is written atomically

    threading.Thread(target=leave_with_parent, daemon=True).start()
    try:
        with stoppable(), owned(folder):
            run_job(folder, outcomes, devices)
    except InputError as error:
        print(f"experiments: {folder}: {error}", file=sys.stderr)
        return 2
    except Stopped as stop:
        return stop.status
    return 0


def start_job(folder: Path, outcomes: Sequence[str], devices: Sequence[int], threads: int) -> subprocess.Popen:
    """Start a job's process in a session of its own, so that only we tell it to end; its words go to log.txt."""
    root = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": str(threads), "TQDM_MININTERVAL": "10"}
    command = [sys.executable, "-m", "experiments", "job", str(folder), ",".join(outcomes), *map(str, devices)]
    with open(folder / "log.txt", "ab") as log:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True
        )


def wait_for_job(folder: Path, outcomes: Sequence[str], devices: Sequence[int], threads: int) -> int:
    """Run a job to its end, or until its folder holds a file STOP, and return its status: what a Dask worker does."""
    if (folder / STOP).exists():
        return 130
    process = start_job(folder, outcomes, devices, threads)
    while process.poll() is None:
        if (folder / STOP).exists():
            process.stdin.close()
            return process.wait()
        time.sleep(POLL)
    return process.returncode


# --- many jobs


def shares(workers: int, devices: Sequence[int]) -> List[Sequence[int]]:
    """Devices of each of the workers: a part of them, or one that it has with others."""
    return [devices[index::workers] or [devices[index % len(devices)]] for index in range(workers)]


class LocalPlace:
    """Runs jobs as processes of this machine, so many at once, each with its share of the cores and of the devices."""

    def __init__(self, workers: int, devices: Sequence[int]):
        self._threads = max(1, threads() // workers)
        self._free = shares(workers, devices)
        self._running: Dict[Path, Tuple[subprocess.Popen, Sequence[int]]] = {}

    def ready(self) -> bool:
        return bool(self._free)

    def start(self, job: Job) -> None:
        devices = self._free.pop(0)
        self._running[job.folder] = (start_job(job.folder, job.outcomes, devices, self._threads), devices)

    def ended(self) -> List[Tuple[Path, int]]:
        """Folders and statuses of the jobs that have ended since the last call."""
        polled = [(folder, process.poll()) for folder, (process, _) in self._running.items()]
        done = [(folder, status) for folder, status in polled if status is not None]
        for folder, _ in done:
            self._free.append(self._running.pop(folder)[1])
        return done

    def stop(self) -> None:
        for process, _ in self._running.values():
            process.stdin.close()
        for process, _ in self._running.values():
            process.wait()


class ClusterPlace:
    """Runs jobs on the workers of a Dask scheduler, which must see the same folders; each worker has the devices."""

    def __init__(self, address: str, devices: Sequence[int]):
        self._client = connect(address)
        import cloudpickle  # comes with Dask

        cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the cluster has no experiments/ on its path
        self._devices = devices
        self._running: Dict[Path, Future] = {}

    def ready(self) -> bool:
        return True

    def start(self, job: Job) -> None:
        folder, outcomes, devices = job.folder, job.outcomes, self._devices
        (folder / STOP).unlink(missing_ok=True)

        def task() -> int:  # of a function that has no name in its module, Dask asks cloudpickle
            from rar_gluon import _physical_cores  # the worker's; Dask tells OpenMP to use one

            return wait_for_job(folder, outcomes, devices, _physical_cores())

        self._running[folder] = self._client.submit(task, pure=False)

    def ended(self) -> List[Tuple[Path, int]]:
        """Folders and statuses of the jobs that have ended since the last call."""
        done = []
        for folder, future in list(self._running.items()):
            if future.done():
                error = future.exception()
                if error is not None:
                    write_text(folder / "log.txt", f"The cluster could not run this job: {error!r}.\n")
                done.append((folder, future.result() if error is None else 1))
                del self._running[folder]
        return done

    def stop(self) -> None:
        """Ask the jobs that run to save and end, and wait until they have; the others are withdrawn."""
        for folder in self._running:
            (folder / STOP).touch()
        at_work = {key for keys in self._client.processing().values() for key in keys}
        for folder, future in self._running.items():
            if future.key in at_work:
                future.exception()  # waits
            else:
                future.cancel()
            (folder / STOP).unlink(missing_ok=True)


def steps_of(config: Config) -> int:
    """Steps of a training."""
    from rar_gluon.training.loop import steps_per_epoch

    return steps_per_epoch(config.training) * config.training.epochs


def progress_of(job: Job, matched: int, tracked: int) -> Tuple[str, int, int]:
    """Stage of a job, and how many of how many steps, pairs or sequences it has done, from what is on disk."""
    if job.done:
        return "done", 1, 1
    if (job.folder / "training" / "last.npz").is_file():
        if "matching" in job.outcomes and not has_outcomes(job.folder, ["matching"]):
            tables = (job.folder / "matching").glob("*.csv")
            return "match", sum(lines_of(table) for table in tables), matched
        return "track", len(list((job.folder / "results").glob("*.txt"))), tracked
    log, steps = job.folder / "training" / "log.csv", steps_of(job.config)
    if log.is_file():
        return "train", lines_of(log), steps
    return "start", 0, steps


def lines_of(table: Path) -> int:
    """Lines of a CSV but its head."""
    return max(0, table.read_text(encoding="utf-8").count("\n") - 1)


def part_done(stage: str, count: int, total: int, costs: Mapping[str, float]) -> float:
    """Work of a job that is done, in the units that its `costs` by stage (train, match, track) are given in."""
    order = list(STAGES)
    before = sum(costs.get(name, 0.0) for name in order[: order.index(stage)])
    return before + costs.get(stage, 0.0) * (count / total if total else 1.0)


def run_jobs(
    jobs: Sequence[Job], costs: Mapping[Path, Mapping[str, float]], matched: int, tracked: int, place
) -> List[Job]:
    """Run jobs, seed by seed, the costliest first; show row, stage and time left; return those that failed."""
    waiting = sorted(jobs, key=lambda job: (job.seed, -sum(costs[job.folder].values())))
    by_folder = {job.folder: job for job in jobs}
    active: List[Job] = []
    failed: List[Job] = []
    total = sum(sum(costs[job.folder].values()) for job in jobs)
    first, begun = None, time.perf_counter()
    shape = "{percentage:3.0f}% |{bar:20}| {desc}"
    with tqdm(total=total, bar_format=shape) as bar:
        try:
            while waiting or active:
                while waiting and place.ready():
                    active.append(waiting.pop(0))
                    place.start(active[-1])
                time.sleep(POLL)
                for folder, status in place.ended():
                    job = by_folder[folder]
                    active.remove(job)
                    if status or not job.done:
                        failed.append(job)
                        bar.write(f"{job.name} failed: see {folder / 'log.txt'}", file=sys.stderr)
                states = {job: progress_of(job, matched, tracked) for job in jobs}
                done = sum(part_done(*state, costs[job.folder]) for job, state in states.items())
                first = done if first is None else first
                bar.n = min(done, total)
                texts = [f"{job.name} {words(*states[job])}" for job in active if states[job][0] != "done"]
                bar.set_description_str(f"{time_left(done - first, total - done, begun)}; {'; '.join(texts)}")
        except KeyboardInterrupt:
            bar.set_description_str("interrupted: the trainings save where they are")
            place.stop()
            raise
    return failed


def words(stage: str, count: int, total: int) -> str:
    """`trains 3/8`."""
    return f"{STAGES[stage]} {count}/{total}" if stage in ("train", "match", "track") else STAGES[stage]


def time_left(done: float, left: float, begun: float) -> str:
    """Time that is left when the rest goes as what was done since `begun` (perf_counter)."""
    if done <= 0:
        return "time left: not known yet"
    minutes = (time.perf_counter() - begun) * left / done / 60
    return f"{minutes:.0f} min left" if minutes < 120 else f"{minutes / 60:.1f} h left"
