"""Make a table or a figure of the paper: `python -m experiments TARGET`, or run_TARGET.sh.

    python -m experiments table3 --size quick

Tables of rows (table3, table4, extra) prepare, train, match, track and report each row with each seed, a job of its
own (jobs.py). The others run finished trackers and draw what they give (comparisons.py). What is there is not done
again: an interrupted call is continued by the same call.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import List, Sequence

from experiments.jobs import OUTCOMES, job_main
from experiments.measures import read_numbers
from experiments.sizes import SIZES
from experiments.targets import TARGETS
from rar_gluon.common import InputError, Stopped, stoppable
from rar_gluon.data.clips import weighted_folders
from rar_gluon.data.datasets import split_names
from rar_gluon.net.device import find_device, parse_devices
from rar_gluon.report.ablation import read_verdicts

VERDICTS = ("claims_within_1.csv", "claims_auc.csv")
COMMON = ("target", "size", "output", "devices", "dry_run")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line and complete it; `InputError` where options do not fit each other."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    check_options(arguments, parser)
    for name in () if arguments.dry_run else needed(arguments):
        given = getattr(arguments, name)
        folders = given if isinstance(given, list) else [given]
        if not folders or not all(folder is not None and folder.is_dir() for folder in folders):
            raise InputError(f"{arguments.target}, size {arguments.size}, needs --{name} DIR, a folder that is there.")
    arguments.output = (arguments.output or Path("runs") / f"{arguments.target}-{arguments.size}").resolve()
    arguments.boxes = (arguments.boxes or arguments.output.parent / f"boxes-{arguments.size}").resolve()
    for folder in weighted_folders(arguments.records):
        if not (folder / "index.json").is_file():
            raise InputError(f"{folder} holds no records: make them with rar prepare, or leave --records out.")
    if arguments.start is not None and Path(arguments.start).is_file():
        arguments.start = str(Path(arguments.start).resolve())
    wanted = split_names(arguments.outcomes)
    if not wanted or set(wanted) - set(OUTCOMES):
        raise InputError(f"--outcomes is {arguments.outcomes!r}: give {' or '.join(OUTCOMES)}, or both.")
    if arguments.frames is not None and arguments.frames < (1 if arguments.size == "quick" else 0):
        raise InputError(f"--frames is {arguments.frames}: give how many, or 0 for all (not at size quick).")
    for path in arguments.add:
        read_numbers(path)  # before anything is trained
    if arguments.pool is not None:
        read_verdicts(arguments.pool)
        if arguments.pool.name not in VERDICTS:
            raise InputError(
                f"--pool {arguments.pool} must be named {' or '.join(VERDICTS)}: it says of which outcome."
            )
    arguments.devices = [-1] if arguments.devices is None else parse_devices(arguments.devices)
    if not TARGETS[arguments.target].trains and len(arguments.devices) > 1:
        raise InputError(f"{arguments.target} runs one tracker at a time: give one of the --devices.")
    cores = int(os.environ["OMP_NUM_THREADS"])
    if arguments.workers is None:
        arguments.workers = cores if arguments.devices == [-1] else 1
    arguments.seeds = read_seeds(arguments.seeds)
    arguments.curve = None if arguments.curve is None else read_steps(arguments.curve)
    for name, value in (("workers", arguments.workers), ("pairs", arguments.pairs)):
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}, but must be at least 1.")
    return arguments


def read_steps(text: str) -> List[int]:
    """Read steps of a training, `50,150`."""
    parts = split_names(text)
    if not parts or not all(part.isdecimal() and int(part) for part in parts):
        raise InputError(f"--curve is {text!r}, but steps of the training (50,150) are needed.")
    return sorted({int(part) for part in parts})


def read_seeds(text: str) -> List[int]:
    """Read how many seeds, `3`, or which, `3,4,5`."""
    try:
        numbers = [int(part) for part in split_names(text)]
    except ValueError:
        numbers = []
    seeds = list(range(numbers[0])) if len(numbers) == 1 and "," not in text else numbers
    if not seeds or min(seeds) < 0:
        raise InputError(f"--seeds is {text!r}, but how many (3) or which (3,4,5) are needed.")
    return list(dict.fromkeys(seeds))


def check_options(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Refuse options that the target does not have at its size: ignored, they would mislead."""
    usable = {*COMMON, *TARGETS[arguments.target].options, *needed(arguments)}
    if arguments.size == "quick":
        usable -= {"records", "sequences"}
    for name, value in vars(arguments).items():
        if name not in usable and value != parser.get_default(name):
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} means nothing for {arguments.target} at size {arguments.size}: leave it out.")


def make_parser() -> argparse.ArgumentParser:
    """Make the command line's parser."""
    parser = argparse.ArgumentParser(
        prog="experiments", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", choices=tuple(TARGETS))
    parser.add_argument("--size", choices=SIZES, default="quick", help="default: quick")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: runs/TARGET-SIZE")
    parser.add_argument("--workers", type=int, metavar="N", help="processes; default: the cores, 1 with --devices")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="run on this Dask scheduler's workers")
    parser.add_argument("--devices", metavar="0,1,...", help="GPUs, shared evenly among the workers; default: the CPU")
    parser.add_argument(
        "--eval", action="append", type=Path, metavar="DIR", help="local: folder of sequences to score on; repeatable"
    )
    parser.add_argument("--sequences", metavar="A,B,...", help="local, full: only these of --eval or --otb")
    parser.add_argument("--otb", type=Path, metavar="ROOT", help="full: OTB")
    parser.add_argument(
        "--frames", type=int, metavar="N", help="of each sequence tracked, instead of the size's; 0: all"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what it would cost, and do nothing")
    rows = parser.add_argument_group("table3, table4, extra")
    rows.add_argument("--rows", metavar="A,B,...", help="rows, or their numbers; default: all")
    rows.add_argument(
        "--seeds", default="1", metavar="N", help="how many of each row, or which (3,4,5: a replication); default: 1"
    )
    rows.add_argument("--train", type=Path, metavar="DIR", help="local: folder of sequences to train on")
    rows.add_argument("--vid", type=Path, metavar="ROOT", help="full: ILSVRC VID")
    rows.add_argument(
        "--records",
        action="append",
        default=[],
        metavar="DIR[=WEIGHT]",
        help="made by rar prepare, in place of --train or --vid; repeatable",
    )
    rows.add_argument(
        "--start", metavar="START", help="of all rows: random, thin, gluoncv or a file; default: what fits"
    )
    rows.add_argument(
        "--outcomes", default=",".join(OUTCOMES), metavar="A,B", help="what rows are compared by; default: %(default)s"
    )
    rows.add_argument(
        "--pairs", type=int, metavar="N", help="that are matched, instead of the size's; more later: the new ones only"
    )
    rows.add_argument("--curve", metavar="N,M,...", help="steps of the training after which pairs are matched too")
    rows.add_argument(
        "--add",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="by_sequence.csv of another run of this size: what is in it is reported, and not done again; repeatable",
    )
    rows.add_argument(
        "--pool",
        type=Path,
        metavar="FILE",
        help="claims_*.csv of a run with other seeds that has no by_sequence.csv: verdicts are on both",
    )
    settings = "change the size, as in training.epochs=20; repeatable"
    rows.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=settings)
    others = parser.add_argument_group("table2 and figures")
    others.add_argument("--boxes", type=Path, metavar="DIR", help="trackers' boxes; default: beside the output")
    others.add_argument(
        "--tracker", action="append", default=[], metavar="NAME", help="run too: a peer, or yours, module:factory"
    )
    others.add_argument("--results", type=Path, metavar="DIR", help="TRACKER/SEQUENCE.txt of others, compared too")
    others.add_argument("--weights", type=Path, metavar="FILE", help="of our tracker; default: the size's")
    others.add_argument("--vot", type=Path, metavar="ROOT", help="full, fig10: folder with vot2016/, vot2017/")
    return parser


def needed(arguments: argparse.Namespace) -> Sequence[str]:
    """Options that name the folders without which a target cannot be made."""
    if arguments.target == "fig10" and arguments.size == "full":
        return ("vot",)
    scored = {"quick": (), "local": ("eval",), "full": ("otb",)}[arguments.size]
    if not TARGETS[arguments.target].trains or arguments.records:
        return scored
    return {"quick": (), "local": ("train", *scored), "full": ("vid", *scored)}[arguments.size]


def run(arguments: argparse.Namespace) -> int:
    """Make the target; returns the exit status."""
    if arguments.devices != [-1] and arguments.scheduler is None and not arguments.dry_run:
        for number in arguments.devices:
            find_device(number)
    target = TARGETS[arguments.target]
    if arguments.dry_run:
        print(target.plan(arguments))
        return 0
    return target.make(arguments, target.title)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 done, 1 a part failed, 2 unusable input, 130 interrupted, 128
    and the signal's number when a signal stopped it.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["job"]:  # what jobs.start_job calls
        return job_main(Path(argv[1]), split_names(argv[2]), [int(device) for device in argv[3:]])
    try:
        with stoppable():
            return run(parse(argv))
    except InputError as error:
        print(f"experiments: {error}", file=sys.stderr)
        return 2
    except Stopped as stop:
        print(f"experiments: stopped by {stop}; the same call goes on.", file=sys.stderr)
        return stop.status
    except KeyboardInterrupt:
        print("experiments: interrupted; the same call goes on.", file=sys.stderr)
        return 130
