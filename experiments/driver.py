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

from jobs import Cluster, Here, Job, description, job_main, run_jobs, take_equal, write_job
from sizes import BASE, HERE, SIZES, evaluation_of, planned_frames, read_size, row_config, sequences_of

import rar_gluon  # before mxnet: sets its threads
from rar_gluon import config as configuration
from rar_gluon.common import InputError

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


# --- rows


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
            row_config(HERE / arguments.target / row / "config.yaml", overlay, seed),
        )
        for seed in range(arguments.seeds)
        for row in row_names(arguments.target, arguments.rows)
    ]


def prepare_records(arguments: argparse.Namespace, workers: int) -> List[str]:
    """Stage prepare: pack --train or --vid into records, unless that has been done; [] for synthetic clips."""
    if arguments.size == "quick":
        return []
    dataset, root = ("folder", arguments.train) if arguments.size == "local" else ("vid", arguments.vid)
    base = configuration.from_dict(read_size(arguments.size)["config"], "size", configuration.load(BASE))
    out = arguments.records or arguments.output / "records"
    if not (out / "index.json").is_file():
        rar = [sys.executable, "-c", "import sys; from rar_gluon.cli import main; sys.exit(main())"]
        options = ["--side", str(base.tracking.input_size), "--padding", str(base.tracking.padding)]
        command = [*rar, "prepare", dataset, str(root), str(out), *options, "--workers", str(workers)]
        if subprocess.run(command, check=False).returncode:
            raise InputError(f"{root} was not prepared whole: see above; the same call goes on.")
    return [str(Path(out).resolve())]


def read_scores(output: Path, table: str) -> Dict[str, Dict[int, Dict]]:
    """Scores by row of the table and seed, of all jobs that are done, of this call or others."""
    rows: Dict[str, Dict[int, Dict]] = {row: {} for row in row_names(table)}
    for row, seeds in rows.items():
        for path in sorted(output.glob(f"{row}/seed*/scores.json")):
            seeds[int(path.parent.name[len("seed") :])] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def report_rows(arguments: argparse.Namespace, size: Mapping) -> str:
    """Stage report: write it into the output folder, and return the tables for the terminal."""
    from rar_gluon.data import otb
    from rar_gluon.report.ablation import claims_table, measured_table, read_rows
    from rar_gluon.report.claims import read_claims
    from rar_gluon.report.document import to_text, write_document

    rows = read_scores(arguments.output, arguments.target)
    published_file = HERE / "published" / f"{arguments.target}.csv"
    published = read_rows(published_file) if published_file.is_file() else {}
    benchmarks: Dict[str, Sequence[str] | None] = {f"size {arguments.size}": None}
    if arguments.size == "full":
        benchmarks = {"OTB-2013": otb.sequence_names("otb2013"), "OTB-2015": None}
    names = sorted({name for seeds in rows.values() for scores in seeds.values() for name in scores})
    done = {row: len(seeds) for row, seeds in rows.items()}
    notes = [f"{sum(map(bool, done.values()))} of {len(rows)} rows are done, with {sum(done.values())} seeds in all."]
    notes.append(f"Scored on {len(names)} sequences: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}.")
    title = ABLATIONS[arguments.target]
    table = measured_table(title, rows, published, benchmarks, notes)
    claims = claims_table(read_claims(HERE / "claims.yaml", arguments.target), rows)
    about = [" ".join(size["about"].split()), f"Written by rar-gluon {rar_gluon.__version__}."]
    write_document(arguments.output, title, about, [table, claims])
    skipped = ("where", "sequences", "wins", "losses")
    return "\n\n".join([about[0], to_text(table), to_text(claims, skipped), f"see {arguments.output / 'report.html'}"])


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
    failed: List[Job] = []
    missing = [job for job in jobs if not job.done]
    records = prepare_records(arguments, arguments.workers) if missing else []
    for job in missing:
        write_job(job, description(job, size["start"], records, evaluation))
    take_equal(missing, arguments.output.parent)
    missing = [job for job in missing if not job.done]
    if missing:
        from costs import costs_of

        sequences = sequences_of(evaluation)
        frames = sum(map(len, sequences))
        print(f"{len(missing)} of {len(jobs)} jobs are to be done; counting their operations", flush=True)
        known = {job.row: costs_of(job.config, frames) for job in {job.row: job for job in missing}.values()}
        costs = {job.folder: known[job.row] for job in missing}
        if arguments.scheduler is None:
            place = Here(arguments.workers, arguments.devices)
        else:
            place = Cluster(arguments.scheduler, arguments.devices[0])
        failed = run_jobs(missing, costs, len(sequences), place)
    print(report_rows(arguments, size))
    return 1 if failed else 0


# --- command line


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; `InputError` where options do not fit each other."""
    from rar_gluon.cli import parse_devices

    parser = argparse.ArgumentParser(
        prog="driver.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", choices=(*ABLATIONS, *COMPARISONS))
    parser.add_argument("--size", choices=SIZES, default="quick", help="default: quick")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: runs/TARGET-SIZE")
    parser.add_argument("--workers", type=int, metavar="N", help="processes; default: devices, or the cores")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="run on this Dask scheduler's workers")
    parser.add_argument("--devices", metavar="0,1,...", help="GPUs; default: the CPU")
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
    rows.add_argument("--records", type=Path, metavar="DIR", help="made by rar prepare; default: OUTPUT/records")
    settings = "change the size, as in training.epochs=20; repeatable"
    rows.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=settings)
    others = parser.add_argument_group("table2 and figures")
    others.add_argument("--boxes", type=Path, metavar="DIR", help="trackers' boxes; default: beside the output")
    others.add_argument("--results", type=Path, metavar="DIR", help="TRACKER/SEQUENCE.txt of others, compared too")
    others.add_argument("--weights", type=Path, metavar="FILE", help="of our tracker; default: the size's")
    others.add_argument("--vot", type=Path, metavar="ROOT", help="full, fig10: folder with vot2016/, vot2017/")
    arguments = parser.parse_args(argv)
    arguments.output = arguments.output or Path("runs") / f"{arguments.target}-{arguments.size}"
    arguments.boxes = arguments.boxes or arguments.output.parent / f"boxes-{arguments.size}"
    for name in () if arguments.dry_run else needed(arguments.target, arguments.size):
        folder = getattr(arguments, name)
        if folder is None or not folder.is_dir():
            raise InputError(
                f"{arguments.target}, --size {arguments.size}, needs --{name} DIR, a folder that is there."
            )
    arguments.devices = [-1] if arguments.devices is None else parse_devices(arguments.devices)
    cores = int(os.environ["OMP_NUM_THREADS"])
    if arguments.workers is None:
        arguments.workers = len(arguments.devices) if arguments.devices != [-1] else cores
    for name, value in (("seeds", arguments.seeds), ("workers", arguments.workers)):
        if value < 1:
            raise InputError(f"--{name} is {value}, but must be at least 1.")
    return arguments


def needed(target: str, size: str) -> Sequence[str]:
    """Options that name the folders without which a target cannot be made."""
    if target == "fig10" and size == "full":
        return ("vot",)
    if target in COMPARISONS:
        return {"quick": (), "local": ("eval",), "full": ("otb",)}[size]
    return {"quick": (), "local": ("train", "eval"), "full": ("vid", "otb")}[size]


def run(arguments: argparse.Namespace) -> int:
    """Make the target; returns the exit status."""
    if arguments.target in ABLATIONS:
        return run_rows(arguments, read_size(arguments.size))
    from comparisons import run_comparison

    return run_comparison(arguments, COMPARISONS[arguments.target])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 done, 1 a part failed, 2 unusable input, 130 interrupted."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["job"]:  # what jobs.start_job calls
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
