"""Arguments that several commands share, and how their texts are read."""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path
from typing import Callable, Tuple

from rar_gluon import config as configuration
from rar_gluon.common import InputError, expanded
from rar_gluon.engine import PRECISIONS, RUNTIMES

WEIGHTS_FILE = "weights file"
ANY_WEIGHTS = f"{WEIGHTS_FILE}, or a folder of rar export"


def add_command(commands, name: str, run: Callable, text: str, example: str) -> argparse.ArgumentParser:
    """Add a command that calls `run`: its parser, with a line about it, and an example at the end of its help."""
    parser = commands.add_parser(
        name,
        help=text,
        description=inspect.cleandoc(run.__doc__),
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    parser.set_defaults(run=run)
    return parser


def add_group(commands, name: str, title: str, text: str, example: str) -> argparse._SubParsersAction:
    """Add a command that has commands of its own, `title` (in the plural) together; returns what they are added to."""
    parser = commands.add_parser(name, help=text, description=f"{text.capitalize()}.", epilog=f"example: {example}")
    return parser.add_subparsers(title=title, required=True, metavar=title[:-1].upper())


def scoring_arguments(parser: argparse.ArgumentParser, every: bool = True) -> None:
    """Add what scoring OTB results needs; `every` says that it can be by all protocols."""
    parser.add_argument(
        "--annotations", "--root", required=True, type=path, metavar="DIR", help="folder of SEQUENCE.txt, or OTB"
    )
    parser.add_argument("--protocol", default="matlab", help="matlab (default), pysot, got10k, ..." + every * " or all")
    parser.add_argument(
        "--sequences",
        default="otb2015",
        metavar="LIST",
        help="otb2013, tb50, otb2015 (default), a file of names, or A,B,...",
    )
    parser.add_argument("--allow-missing", action="store_true", help="leave missing sequences out of the means")
    parser.add_argument(
        "--attributes", default="matlab", choices=("matlab", "website"), help="attribute list; default: matlab"
    )


def network_arguments(parser: argparse.ArgumentParser, weights: str = ANY_WEIGHTS, device: bool = True) -> None:
    """Add which network runs, on what; `weights` says what it takes for them."""
    parser.add_argument(
        "--config", default="rar_thin", help="a preset (rar, rar_thin) or a YAML file; default: rar_thin"
    )
    weights_arguments(parser, weights, device)


def weights_arguments(parser: argparse.ArgumentParser, weights: str = ANY_WEIGHTS, device: bool = True) -> None:
    """Add which weights, on which device."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--weights", type=path, metavar="FILE", help=f"{weights}; default: the package's")
    which.add_argument("--pretrained", action="store_true", help="ImageNet weights from GluonCV's model zoo")
    if device:
        parser.add_argument(
            "--device", type=int, metavar="N", help="GPU to use, -1: the CPU; default: the first GPU, if any"
        )


def runtime_argument(parser: argparse.ArgumentParser) -> None:
    """Add what computes the network of a tracker."""
    parser.add_argument(
        "--runtime",
        choices=RUNTIMES,
        help="what computes; onnx: ONNX Runtime, faster on CPUs; default: mxnet where it is installed",
    )
    parser.add_argument(
        "--precision",
        default="fp32",
        choices=PRECISIONS,
        help="int8: the backbone's, with --runtime onnx; default: fp32",
    )


def named_tracker(arguments: argparse.Namespace):
    """Build the tracker that the arguments name."""
    from rar_gluon.evaluation.trackers import build_tracker

    config = configuration.load(arguments.config)
    how = (arguments.device, arguments.runtime, arguments.precision)
    return build_tracker(config, arguments.weights, arguments.pretrained, *how)


def path(text: str) -> Path:
    """A path of the command line; ~ is the home folder, also where the shell leaves it: --output=~/runs."""
    try:
        return expanded(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error).rstrip(".")) from None


def parse_box(text: str) -> Tuple[float, ...]:
    """Read `x,y,w,h`; whether the box fits the frame is the tracker's to say."""
    try:
        box = tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        box = ()
    if len(box) == 4 and any(value % 1 for value in box) and all(0 <= value <= 1 for value in box):
        raise InputError(f"--init is {text!r}, parts of the frame as it seems: x,y,w,h are pixels.")
    if len(box) != 4:
        raise InputError(f"--init is {text!r}, but four numbers x,y,w,h are needed.")
    return box
