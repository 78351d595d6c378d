"""Make a table or a figure of the paper: `python -m experiments TARGET`, or run_TARGET.sh.

    python -m experiments table3 --size quick

Tables of rows (table3, table4, extra) prepare, train, match, track and report each row with each seed, a job of its
own (jobs.py). The others run finished trackers and draw what they give (comparisons.py). What is there is not done
again: an interrupted call is continued by the same call.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from experiments.ablation import read_verdicts
from experiments.call import Call
from experiments.jobs import OUTCOMES, job_main
from experiments.measures import read_numbers
from experiments.rows import row_names
from experiments.sizes import SIZES, Evaluation, Size, read_size, short_hash
from experiments.table2.datasets import DATASETS
from experiments.targets import TARGETS
from rar_gluon import config as configuration
from rar_gluon.common import InputError, Stopped, stoppable
from rar_gluon.data.clips import weighted_folders
from rar_gluon.data.datasets import split_names
from rar_gluon.net.device import find_device, parse_devices
from rar_gluon.processes import threads

VERDICTS = ("claims_within_1.csv", "claims_auc.csv")
COMMON = ("target", "size", "output", "devices", "dry_run")


def parse(argv: Sequence[str] | None) -> Tuple[Call, bool]:
    """Read the command line: the call, and whether it is a dry run.

    Raises
    ------
    InputError
        An option cannot be used, or does not fit the others.
    """
    parser = make_parser()
    options = parser.parse_args(argv)
    check_options(options, parser)
    target = TARGETS[options.target]
    devices = (-1,) if options.devices is None else tuple(parse_devices(options.devices))
    if not target.trains and len(devices) > 1:
        raise InputError(f"{target.name} runs one tracker at a time: give one of the --devices.")
    workers = options.workers
    if workers is None:
        workers = threads() if devices == (-1,) else 1
    for name, value in (("workers", workers), ("pairs", options.pairs)):
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}, but must be at least 1.")
    kind = f"{options.size}{mark_of(options)}"
    output = (options.output or Path("runs") / f"{target.name}-{kind}").resolve()
    call = Call(
        target=target.name,
        size=changed_size(options),
        output=output,
        boxes=(options.boxes or output.parent / f"boxes-{kind}").resolve(),
        workers=workers,
        devices=devices,
        scheduler=options.scheduler,
        changes=changes(options),
        rows=tuple(row_names(target.name, options.rows)) if target.trains else (),
        seeds=read_seeds(options.seeds),
        outcomes=read_outcomes(options.outcomes),
        train=options.vid if options.size == "full" else options.train,
        records=read_records(options.records),
        start=read_start(options.start),
        add=tuple(options.add),
        pool=options.pool,
        trackers=tuple(options.tracker),
        results=options.results,
        weights=options.weights,
        vot=options.vot,
        datasets=read_datasets(options.dataset, options.root),
        frames=options.frames or 0,
    )
    for path in call.add:
        read_numbers(path)  # before anything is trained
    if call.pool is not None:
        read_verdicts(call.pool)
        if call.pool.name not in VERDICTS:
            raise InputError(f"--pool {call.pool} must be named {' or '.join(VERDICTS)}: it says of which outcome.")
    return call, options.dry_run


def mark_of(options: argparse.Namespace) -> str:
    """What the names of output and boxes end in where settings are changed, so that a call with the size's own can
    follow; "".
    """
    others = (options.start, options.frames, options.curve)
    typed = [*options.set, *(str(value) for value in others if value is not None)]
    return f"-{short_hash(' '.join(typed))}" if typed else ""


def changed_size(options: argparse.Namespace) -> Size:
    """The size as the options change it."""
    size = read_size(options.size)
    overlay = {section: dict(values) for section, values in size.config.items()}
    settings = configuration.settings_to_dict(options.set)
    if "seed" in settings.get("training", {}):
        raise InputError("--set training.seed means nothing here: the seeds are 0, 1, ... of --seeds.")
    for section, values in settings.items():
        overlay.setdefault(section, {}).update(values)
    if options.frames is not None and options.frames < (1 if size.name == "quick" else 0):
        raise InputError(f"--frames is {options.frames}: give how many, or 0 for all (not at size quick).")
    more: Dict[str, Any] = {} if options.frames is None else {"frames": options.frames}
    if size.name != "quick":
        folders = options.eval if size.name == "local" else [options.otb]
        more["folders"] = tuple(str(folder.resolve()) for folder in folders or () if folder is not None)
    if options.sequences is not None:
        more["names"] = tuple(split_names(options.sequences))
        if not more["names"]:
            raise InputError("--sequences names none: give A,B,..., or leave it out.")

    def completed(evaluation: Evaluation | None) -> Evaluation | None:
        return None if evaluation is None else replace(evaluation, **more)

    pairs: Dict[str, Any] = {} if options.pairs is None else {"pairs": options.pairs}
    if options.curve is not None:
        pairs["steps"] = read_steps(options.curve)
    comparison = size.comparison
    if comparison is not None:
        evaluations = {"sequences": completed(comparison.sequences), "supervised": completed(comparison.supervised)}
        comparison = replace(comparison, **evaluations)
    matching, tracking = replace(size.matching, **pairs), completed(size.tracking)
    return replace(size, config=overlay, matching=matching, tracking=tracking, comparison=comparison)


def changes(options: argparse.Namespace) -> Tuple[str, ...]:
    """What the options change of the size, as they were typed."""
    typed = [
        *(("--frames", options.frames), ("--weights", options.weights and options.weights.name)),
        *(("--start", options.start and Path(options.start).name), ("--pairs", options.pairs)),
        ("--curve", options.curve and ",".join(map(str, read_steps(options.curve)))),
    ]
    return (*options.set, *(f"{name} {value}" for name, value in typed if value is not None))


def read_datasets(names: Sequence[str], roots: Sequence[Path]) -> Tuple[Tuple[str, Path], ...]:
    """Pair each --dataset with its --root."""
    if len(names) != len(roots):
        raise InputError(f"--dataset is given {len(names)} times and --root {len(roots)}: give one root of each.")
    return tuple((name, root.resolve()) for name, root in zip(names, roots))


def read_steps(text: str) -> Tuple[int, ...]:
    """Read steps of a training, `50,150`."""
    parts = split_names(text)
    if not parts or not all(part.isdecimal() and int(part) for part in parts):
        raise InputError(f"--curve is {text!r}, but steps of the training (50,150) are needed.")
    return tuple(sorted({int(part) for part in parts}))


def read_seeds(text: str) -> Tuple[int, ...]:
    """Read how many seeds, `3`, or which, `3,4,5`."""
    try:
        numbers = [int(part) for part in split_names(text)]
    except ValueError:
        numbers = []
    seeds = list(range(numbers[0])) if len(numbers) == 1 and "," not in text else numbers
    if not seeds or min(seeds) < 0:
        raise InputError(f"--seeds is {text!r}, but how many (3) or which (3,4,5) are needed.")
    return tuple(dict.fromkeys(seeds))


def read_outcomes(text: str) -> Tuple[str, ...]:
    """Read what rows are compared by, `matching,tracking`."""
    outcomes = tuple(split_names(text))
    if not outcomes or set(outcomes) - set(OUTCOMES):
        raise InputError(f"--outcomes is {text!r}: give {' or '.join(OUTCOMES)}, or both.")
    return outcomes


def read_records(texts: Sequence[str]) -> Dict[Path, float]:
    """Read folders of records and their weights."""
    records = weighted_folders(texts)
    for folder in records:
        if not (folder / "index.json").is_file():
            raise InputError(f"{folder} holds no records: make them with rar prepare, or leave --records out.")
    return {folder.resolve(): weight for folder, weight in records.items()}


def read_start(text: str | None) -> str | None:
    """Read --start: a name, or the whole path of a file."""
    return str(Path(text).resolve()) if text is not None and Path(text).is_file() else text


def check_options(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Refuse options that the target does not have at its size: ignored, they would mislead; and missing folders."""
    folders = needed(options)
    usable = {*COMMON, *TARGETS[options.target].options, *folders}
    if options.size == "quick":
        usable -= {"records"} if options.dataset else {"records", "sequences"}
    if "vot" in folders:  # EAO is of whole challenges
        usable -= {"frames", "sequences"}
    for name, value in vars(options).items():
        if name not in usable and value != parser.get_default(name):
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} means nothing for {options.target} at size {options.size}: leave it out.")
    for name in () if options.dry_run else folders:
        value = getattr(options, name)
        paths: List[Path | None] = value if isinstance(value, list) else [value]
        if not paths or not all(path is not None and path.is_dir() for path in paths):
            raise InputError(f"{options.target}, size {options.size}, needs --{name} DIR, a folder that is there.")


def needed(options: argparse.Namespace) -> Sequence[str]:
    """Options that name the folders without which a target cannot be made."""
    if options.target == "fig10" and options.size == "full":
        return ("vot",)
    if options.dataset:
        return ()
    scored = {"quick": (), "local": ("eval",), "full": ("otb",)}[options.size]
    if not TARGETS[options.target].trains or options.records:
        return scored
    return {"quick": (), "local": ("train", *scored), "full": ("vid", *scored)}[options.size]


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
    others.add_argument(
        "--dataset", action="append", default=[], choices=DATASETS, help="table2: instead of OTB; repeatable"
    )
    others.add_argument(
        "--root", action="append", default=[], type=Path, metavar="DIR", help="of the --dataset in the same place"
    )
    others.add_argument("--vot", type=Path, metavar="ROOT", help="full, fig10: folder with vot2016/, vot2017/")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 done, 1 a part failed, 2 unusable input, 130 interrupted, 128
    and the signal's number when a signal stopped it.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv[:1] == ["job"]:  # what jobs.start_job calls
        return job_main(Path(argv[1]), split_names(argv[2]), [int(device) for device in argv[3:]])
    try:
        with stoppable():
            call, dry_run = parse(argv)
            target = TARGETS[call.target]
            if dry_run:
                print(target.plan(call))
                return 0
            for number in call.devices if call.devices != (-1,) and call.scheduler is None else ():
                find_device(number)
            return target.make(call, target.title)
    except InputError as error:
        print(f"experiments: {error}", file=sys.stderr)
        return 2
    except Stopped as stop:
        print(f"experiments: stopped by {stop}; the same call goes on.", file=sys.stderr)
        return stop.status
    except KeyboardInterrupt:
        print("experiments: interrupted; the same call goes on.", file=sys.stderr)
        return 130
