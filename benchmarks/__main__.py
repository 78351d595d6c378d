"""Measure: `python -m benchmarks PART ...`, with --against CHECKOUT beside other code."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Iterator, List, Sequence

from benchmarks.alternate import alternate, with_checkout
from benchmarks.report import Row, as_markdown, moved, rows_of, write
from rar_gluon.common import InputError

PARTS = ("peak", "operators", "backbone", "filter", "tracker", "training", "scaling", "memory", "start", "flops")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the parts in turn; print tables, and write them. Exit status 1 when ratios left those of the baseline."""
    options = parser().parse_args(argv)
    try:
        if options.against is not None and not (options.against / "rar_gluon").is_dir():
            raise InputError(f"{options.against} holds no rar_gluon: give the folder of a checkout.")
        rows: List[Row] = []
        for part in dict.fromkeys(options.parts):
            part_rows: List[Row] = []
            for more in measure(part, options):
                part_rows += more
                write(part_rows, part, options.output)  # after each case: what is measured is kept
            rows += part_rows
            print(as_markdown(part_rows, part), flush=True)
        if options.baseline is None:
            return 0
        write(rows, "all", options.output)
        changed = moved(rows, options.baseline)
        print("\n".join(changed) or f"No ratio has moved by more than the spread since {options.baseline}.")
        return 1 if changed else 0
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


def measure(part: str, options: argparse.Namespace) -> Iterator[List[Row]]:
    """Rows of each case of a part."""
    module = importlib.import_module(f"benchmarks.{part}")
    if hasattr(module, "rows"):  # counted, not measured
        yield module.rows(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        options.scratch = Path(folder)
        for case in module.cases(options):
            if options.only is None or options.only in case.name:
                case = case if options.against is None else with_checkout(case, options.against.resolve())
                yield rows_of(part, case.name, alternate(case, options.rounds))


if __name__ == "__main__":
    sys.exit(main())
