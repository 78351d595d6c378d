"""Make a table or a figure of the paper; what run_table2.sh, run_table3.sh, ..., run_fig10.sh call.

    python experiments/driver.py table3 --size quick

Tables of rows (table3, table4, extra) prepare, train, evaluate and report each row with each seed, a job of its own
(jobs.py). The others run finished trackers and draw what they give (comparisons.py). What is there is not done again:
an interrupted call is continued by the same call.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Mapping, Sequence

import rar_gluon  # before mxnet: sets its threads
from jobs import Cluster, Here, Job, description, distinct, job_main, locked, run_jobs, shares, take_equal, write_job
from rar_gluon import config as configuration
from rar_gluon.common import InputError, read_json, write_text
from rar_gluon.data.datasets import split_names
from rar_gluon.net.device import find_device, parse_devices
from sizes import (
    BASE,
    HERE,
    SIZES,
    changes,
    evaluation_of,
    planned_frames,
    protocol_name,
    read_size,
    row_config,
    sequences_of,
)

ABLATIONS = {
    "table3": "Table 3: stages, deformable convolutions, fine-tuning, output stride",
    "table4": "Table 4: variants of the tracker",
    "extra": "Extra rows of ours, not in the paper",
}
COMPARISONS = {
    "table2": "Table 2: published numbers, recomputed ones, and ours",
    "fig1_2": "Figs. 1 and 2: features of the levels",
    "fig4": "Fig. 4: attention",
    "fig7": "Fig. 7: attributes",
    "fig8_9": "Figs. 8 and 9: boxes of several trackers, and failures",
    "fig10": "Fig. 10: expected average overlap",
}
COMMON = ("target", "size", "output", "devices", "dry_run")
RUNS = ("workers", "scheduler", "frames")
OPTIONS = {
    **dict.fromkeys(ABLATIONS, (*RUNS, "rows", "seeds", "set")),
    **dict.fromkeys(("table2", "fig7", "fig8_9"), (*RUNS, "boxes", "results", "weights")),
    **{"fig10": (*RUNS, "boxes", "weights"), "fig4": ("weights",), "fig1_2": ()},
}


# --- rows


def row_names(table: str, chosen: str | None = None) -> List[str]:
    """Rows of a table, or those of `chosen`: names, or numbers of Table 3 (1,9,13)."""
    names = sorted(path.parent.name for path in (HERE / table).glob("*/config.yaml"))
    if chosen is None:
        return names
    named = [f"row{int(part):02d}" if part.isdigit() else part for part in split_names(chosen)]
    wanted = list(dict.fromkeys(named))
    unknown = [name for name in wanted if name not in names]
    if unknown or not wanted:
        raise InputError(f"{unknown[0] if unknown else '--rows'} is no row of {table}: choose of {', '.join(names)}.")
    return wanted


def overlay_of(arguments: argparse.Namespace, size: Mapping) -> Dict[str, Dict]:
    """Values of the size, changed by --set; they lie below the row's."""
    overlay = {section: dict(values) for section, values in size["config"].items()}
    changed = configuration.settings_to_dict(arguments.set)
    if "seed" in changed.get("training", {}):
        raise InputError("--set training.seed means nothing here: the seeds are 0, 1, ... of --seeds.")
    for section, values in changed.items():
        overlay.setdefault(section, {}).update(values)
    return overlay


def make_job(arguments: argparse.Namespace, size: Mapping, row: str, seed: int) -> Job:
    """A row with a seed, as the call has it."""
    path = HERE / arguments.target / row / "config.yaml"
    config = row_config(path, overlay_of(arguments, size), seed)
    return Job(row, seed, arguments.output / row / f"seed{seed}", config)


def plan(arguments: argparse.Namespace, size: Mapping) -> List[Job]:
    """All jobs of a call: each row with each seed."""
    rows = row_names(arguments.target, arguments.rows)
    return [make_job(arguments, size, row, seed) for seed in range(arguments.seeds) for row in rows]


def check_call(arguments: argparse.Namespace, jobs: Sequence[Job], names: Sequence[str]) -> None:
    """Raise `InputError` for what would stop every job later: shares of a batch, training on what is scored."""
    from rar_gluon.data import folder
    from rar_gluon.training.loop import check_shares

    for share in shares(arguments.workers, arguments.devices):
        for batch in {job.config.training.batch for job in jobs}:
            check_shares(batch, 1, share)
    if arguments.train is not None:
        both = sorted(set(folder.sequence_names(arguments.train)) & set(names))
        if both:
            raise InputError(f"{both[0]} is in --train and is scored too: take it out, or give --eval-sequences.")


def prepare_records(arguments: argparse.Namespace, size: Mapping) -> None:
    """Stage prepare: pack --train or --vid into the records of the call, unless that has been done."""
    out = arguments.records
    if arguments.size == "quick" or not arguments.makes_records:
        return
    dataset, root = ("folder", arguments.train) if arguments.size == "local" else ("vid", arguments.vid)
    tracking = configuration.from_dict(overlay_of(arguments, size), "size", configuration.load(BASE)).tracking
    about = {"dataset": dataset, "root": str(root.resolve()), "side": tracking.input_size, "padding": tracking.padding}
    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        done = out / "prepared.json"
        if done.is_file():
            if read_json(done) != about:
                raise InputError(f"{out} holds records of another dataset or side: remove it, or give --output.")
            return
        rar = [sys.executable, "-c", "import sys; from rar_gluon.cli import main; sys.exit(main())"]
        options = ["--side", str(tracking.input_size), "--padding", str(tracking.padding)]
        command = [*rar, "prepare", dataset, str(root), str(out), *options, "--workers", str(arguments.workers)]
        if subprocess.run(command, check=False).returncode:
            raise InputError(f"{root} was not prepared whole: see above; the same call goes on.")
        write_text(done, json.dumps(about) + "\n")


def read_scores(
    arguments: argparse.Namespace, size: Mapping, records: Sequence[str], evaluation: Mapping
) -> Dict[str, Dict[int, Dict]]:
    """Scores by row of the table and seed, of all jobs that are done with the settings of this call."""
    rows: Dict[str, Dict[int, Dict]] = {row: {} for row in row_names(arguments.target)}
    for row, seeds in rows.items():
        for path in sorted(arguments.output.glob(f"{row}/seed*/scores.json")):
            job = make_job(arguments, size, row, int(path.parent.name[len("seed") :]))
            stored = read_json(path.parent / "job.json")
            if stored == description(job, size["start"], records, evaluation):
                seeds[job.seed] = read_json(path)
    return rows


def report_rows(
    arguments: argparse.Namespace, size: Mapping, rows: Mapping[str, Mapping[int, Mapping[str, Mapping]]], protocol: str
) -> str:
    """Stage report of `rows` (as `read_scores` gives, under `protocol`): write it, return the terminal's tables."""
    from rar_gluon.data import otb
    from rar_gluon.report.ablation import claims_table, measured_table, read_rows
    from rar_gluon.report.claims import read_claims
    from rar_gluon.report.document import to_text, write_document
    from rar_gluon.report.published import LITERATURE

    published_file = LITERATURE / f"{arguments.target}.csv"
    published = read_rows(published_file) if published_file.is_file() else {}
    benchmarks: Dict[str, Sequence[str] | None] = {f"size {arguments.size}": None}
    if arguments.size == "full":
        benchmarks = {"OTB-2013": otb.sequence_names("otb2013"), "OTB-2015": None}
    names = sorted({name for seeds in rows.values() for scores in seeds.values() for name in scores})
    done = {row: len(seeds) for row, seeds in rows.items()}
    notes = [f"{sum(map(bool, done.values()))} of {len(rows)} rows are done, with {sum(done.values())} seeds in all."]
    notes.append(f"Scored on {len(names)} sequences: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}.")
    title = ABLATIONS[arguments.target]
    table = measured_table(title, rows, published, benchmarks, protocol, notes)
    claims = claims_table(read_claims(HERE / "claims.yaml", arguments.target), rows)
    about = [" ".join(size["about"].split()), *changes(arguments), f"Written by rar-gluon {rar_gluon.__version__}."]
    write_document(arguments.output, title, about, [table, claims])
    skipped = ("where", "sequences", "wins", "losses")
    page = os.path.relpath(arguments.output / "report.html")
    return "\n\n".join([about[0], to_text(table), to_text(claims, skipped), f"see {page}"])


def run_rows(arguments: argparse.Namespace, size: Mapping) -> int:
    """Do what is missing of a table of rows; returns the exit status."""
    jobs = plan(arguments, size)
    if arguments.dry_run:
        from costs import dry_run

        frames = planned_frames(arguments, size["evaluation"])
        print(f"{arguments.target}, size {arguments.size}: {len(jobs)} jobs, {frames} frames to track in each")
        print(dry_run({job.name: job.config for job in jobs}, frames, arguments.size == "full"))
        return 0
    evaluation = evaluation_of(size["evaluation"], arguments)
    sequences = sequences_of(evaluation)
    records = [] if arguments.size == "quick" else [str(arguments.records)]
    check_call(arguments, jobs, [sequence.name for sequence in sequences])
    for job in jobs:
        write_job(job, description(job, size["start"], records, evaluation))
    take_equal(jobs, arguments.output.parent)
    missing, failed = distinct([job for job in jobs if not job.done]), []
    if missing:
        from costs import costs_of

        prepare_records(arguments, size)
        frames = sum(map(len, sequences))
        print(f"{len(missing)} jobs are to be done, of {len(jobs)}; counting their operations", flush=True)
        known = {job.row: costs_of(job.config, frames) for job in {job.row: job for job in missing}.values()}
        costs = {job.folder: known[job.row] for job in missing}
        if arguments.scheduler is None:
            place = Here(arguments.workers, arguments.devices)
        else:
            place = Cluster(arguments.scheduler, arguments.devices)
        failed = run_jobs(missing, costs, len(sequences), place)
        take_equal(jobs, arguments.output.parent)
    rows = read_scores(arguments, size, records, evaluation)
    print(report_rows(arguments, size, rows, protocol_name(evaluation)))
    return 1 if failed else 0


# --- command line


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line and complete it; `InputError` where options do not fit each other."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    check_options(arguments, parser)
    for name in needed(arguments):
        folder = getattr(arguments, name)
        if not (folder is None and arguments.dry_run) and (folder is None or not folder.is_dir()):
            raise InputError(f"{arguments.target}, size {arguments.size}, needs --{name} DIR, a folder that is there.")
    arguments.output = (arguments.output or Path("runs") / f"{arguments.target}-{arguments.size}").resolve()
    arguments.boxes = (arguments.boxes or arguments.output.parent / f"boxes-{arguments.size}").resolve()
    arguments.makes_records = arguments.records is None
    arguments.records = (arguments.records or arguments.output.parent / f"records-{arguments.size}").resolve()
    if not arguments.makes_records and not (arguments.records / "index.json").is_file():
        raise InputError(f"{arguments.records} holds no records: make them with rar prepare, or leave --records out.")
    if arguments.frames is not None and arguments.frames < (1 if arguments.size == "quick" else 0):
        raise InputError(f"--frames is {arguments.frames}: give how many, or 0 for all (not at size quick).")
    arguments.devices = [-1] if arguments.devices is None else parse_devices(arguments.devices)
    if arguments.target in COMPARISONS and len(arguments.devices) > 1:
        raise InputError(f"{arguments.target} runs one tracker at a time: give one of the --devices.")
    cores = int(os.environ["OMP_NUM_THREADS"])
    if arguments.workers is None:
        arguments.workers = cores if arguments.devices == [-1] else 1
    for name, value in (("seeds", arguments.seeds), ("workers", arguments.workers)):
        if value < 1:
            raise InputError(f"--{name} is {value}, but must be at least 1.")
    return arguments


def check_options(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Refuse options that the target does not have at its size: ignored, they would mislead."""
    usable = {*COMMON, *OPTIONS[arguments.target], *needed(arguments)}
    if arguments.target in ABLATIONS and arguments.size != "quick":
        usable.add("records")
    if "eval" in usable:
        usable.add("eval_sequences")
    for name, value in vars(arguments).items():
        if name not in usable and value != parser.get_default(name):
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} means nothing for {arguments.target} at size {arguments.size}: leave it out.")


def make_parser() -> argparse.ArgumentParser:
    """Make the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="driver.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", choices=(*ABLATIONS, *COMPARISONS))
    parser.add_argument("--size", choices=SIZES, default="quick", help="default: quick")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: runs/TARGET-SIZE")
    parser.add_argument("--workers", type=int, metavar="N", help="processes; default: the cores, 1 with --devices")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="run on this Dask scheduler's workers")
    parser.add_argument("--devices", metavar="0,1,...", help="GPUs, shared evenly among the workers; default: the CPU")
    parser.add_argument("--eval", type=Path, metavar="DIR", help="local: folder of sequences to score on")
    parser.add_argument("--eval-sequences", metavar="A,B,...", help="local: only these of --eval")
    parser.add_argument("--otb", type=Path, metavar="ROOT", help="full: OTB")
    parser.add_argument(
        "--frames", type=int, metavar="N", help="of each sequence tracked, instead of the size's; 0: all"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what it would cost, and do nothing")
    rows = parser.add_argument_group("table3, table4, extra")
    rows.add_argument("--rows", metavar="A,B,...", help="rows, or their numbers; default: all")
    rows.add_argument("--seeds", type=int, default=1, metavar="N", help="of each row; default: 1")
    rows.add_argument("--train", type=Path, metavar="DIR", help="local: folder of sequences to train on")
    rows.add_argument("--vid", type=Path, metavar="ROOT", help="full: ILSVRC VID")
    rows.add_argument("--records", type=Path, metavar="DIR", help="made by rar prepare; default: beside the output")
    settings = "change the size, as in training.epochs=20; repeatable"
    rows.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=settings)
    others = parser.add_argument_group("table2 and figures")
    others.add_argument("--boxes", type=Path, metavar="DIR", help="trackers' boxes; default: beside the output")
    others.add_argument("--results", type=Path, metavar="DIR", help="TRACKER/SEQUENCE.txt of others, compared too")
    others.add_argument("--weights", type=Path, metavar="FILE", help="of our tracker; default: the size's")
    others.add_argument("--vot", type=Path, metavar="ROOT", help="full, fig10: folder with vot2016/, vot2017/")
    return parser


def needed(arguments: argparse.Namespace) -> Sequence[str]:
    """Options that name the folders without which a target cannot be made."""
    if arguments.target == "fig10" and arguments.size == "full":
        return ("vot",)
    scored = {"quick": (), "local": ("eval",), "full": ("otb",)}[arguments.size]
    if arguments.target in COMPARISONS or arguments.records is not None:
        return scored
    return {"quick": (), "local": ("train", *scored), "full": ("vid", *scored)}[arguments.size]


def run(arguments: argparse.Namespace) -> int:
    """Make the target; returns the exit status."""
    if arguments.devices != [-1] and arguments.scheduler is None and not arguments.dry_run:
        for number in arguments.devices:
            find_device(number)
    if arguments.target in ABLATIONS:
        return run_rows(arguments, read_size(arguments.size))
    from comparisons import run_comparison

    return run_comparison(arguments, COMPARISONS[arguments.target])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 done, 1 a part failed, 2 unusable input, 130 interrupted."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["job"]:  # what jobs.start_job calls
        return job_main(Path(argv[1]), [int(device) for device in argv[2:]])
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
