"""Measure: `python -m benchmarks PART ...`, with --against CHECKOUT beside other code."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Iterator, List, Sequence, Tuple

from benchmarks.alternate import alternate, left_out, with_checkout
from benchmarks.report import Row, as_markdown, moved, rows_of, write
from benchmarks.video import CLIPS
from rar_gluon.common import InputError

PARTS = ("peak", "operators", "backbone", "filter", "tracker", "training", "scaling", "memory", "start", "flops")
LEAST = {"rounds": 1, "threads": 1, "frames": 2, "long": 2, "size": 1}  # of these options


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the parts in turn; print tables, and write them.

    The exit status: 0 done, 1 when one of our routes was left out or ratios left those of the baseline, 2 unusable
    input.
    """
    options = parser().parse_args(argv)
    try:
        check_options(options)
        rows: List[Row] = []
        cases, missing = 0, []
        for part in dict.fromkeys(options.parts):
            part_rows: List[Row] = []
            for more, lacking in measure(part, options):
                cases += 1
                part_rows += more
                missing += lacking
                write(part_rows, part, options.output)  # after each case: what is measured is kept
            rows += part_rows
            if part_rows:
                print(as_markdown(part_rows, part), flush=True)
        if not cases:
            raise InputError(f"--only {options.only} is in no case's name: give a part of one, or leave it out.")
        if missing:
            print("\n".join(missing))
        if options.baseline is None:
            return 1 if missing else 0
        write(rows, "all", options.output)
        changed = moved(rows, options.baseline)
        print("\n".join(changed) or f"No ratio has moved by more than the spread since {options.baseline}.")
        return 1 if missing or changed else 0
    except InputError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """Make the command line's parser."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="example: python -m benchmarks tracker training --against ../before --threads 1 2",
    )
    made.add_argument("parts", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    made.add_argument("--rounds", type=int, default=5, metavar="N", help="of all routes in turn; default: 5")
    made.add_argument("--short", action="store_true", help="the form that `make bench` runs: fewer cases")
    made.add_argument("--against", type=Path, metavar="CHECKOUT", help="measure the code of this checkout too, in turn")
    made.add_argument("--threads", type=int, nargs="+", default=[1], metavar="N", help="of each process; default: 1")
    made.add_argument("--preset", nargs="+", default=["rar_thin"], metavar="NAME", help="rar_thin (default), rar")
    made.add_argument(
        "--video", nargs="+", default=["carphone"], metavar="CLIP", help="carphone, bikes, or an OTB sequence's folder"
    )
    made.add_argument("--size", type=int, nargs=2, metavar=("W", "H"), help="of a video's frames; default: as they are")
    made.add_argument("--frames", type=int, default=30, metavar="N", help="of a video, a round; default: 30")
    made.add_argument("--long", type=int, default=10000, metavar="N", help="frames of the long track; default: 10000")
    made.add_argument("--records", nargs="+", default=[], metavar="DIR", help="loader: made by rar prepare")
    made.add_argument("--models", type=Path, default=Path("models"), metavar="DIR", help="ONNX files of cv2's trackers")
    made.add_argument("--only", metavar="WORD", help="only the cases with this in their names")
    made.add_argument(
        "--output", type=Path, default=Path("runs/benchmarks"), metavar="DIR", help="PART.csv and PART.md go here"
    )
    made.add_argument("--baseline", type=Path, metavar="FILE", help="say which ratios have moved")
    return made


def check_options(options: argparse.Namespace) -> None:
    """Raise `InputError` for what cannot be measured."""
    if options.against is not None and not (options.against / "rar_gluon").is_dir():
        raise InputError(f"{options.against} holds no rar_gluon: give the folder of a checkout.")
    for name, least in LEAST.items():
        given = getattr(options, name)
        for value in given if isinstance(given, list) else [given]:
            if value is not None and value < least:
                raise InputError(f"--{name} is {value}, but must be at least {least}.")
    for source in options.video:
        truth, images = Path(source) / "groundtruth_rect.txt", Path(source) / "img"
        if source not in CLIPS and not (truth.is_file() and images.is_dir()):
            known = ", ".join(CLIPS)
            raise InputError(
                f"--video {source} is none of {known}: give one, or a folder that holds {truth.name} and img."
            )


def measure(part: str, options: argparse.Namespace) -> Iterator[Tuple[List[Row], List[str]]]:
    """Rows of each case of a part, and sentences on our routes that were left out."""
    module = importlib.import_module(f"benchmarks.{part}")
    if hasattr(module, "rows"):  # counted, not measured
        counted = [row for row in module.rows(options) if is_chosen(row.case, options)]
        if counted:
            yield counted, []
        return
    with tempfile.TemporaryDirectory() as folder:
        options.scratch = Path(folder)
        for case in module.cases(options):
            if is_chosen(case.name, options):
                case = case if options.against is None else with_checkout(case, options.against.resolve())
                answers = alternate(case, options.rounds)
                yield rows_of(part, case.name, answers), left_out(case, answers)


def is_chosen(case: str, options: argparse.Namespace) -> bool:
    """Whether a case is to be measured."""
    return options.only is None or options.only in case


if __name__ == "__main__":
    sys.exit(main())
