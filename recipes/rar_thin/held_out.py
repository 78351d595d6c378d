"""The sequences that choices for rar_thin are made on, and no training sees (held_out.txt), found in folders."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import List, Sequence

from rar_gluon import config as configuration
from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.data import folder
from rar_gluon.data import sequence as data
from rar_gluon.data.sequence import shortened

HELD_OUT = Path(__file__).with_name("held_out.txt")


def split_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says which sequences, and with which tracker."""
    parser.add_argument("--config", default="rar_thin")
    parser.add_argument("--weights", type=Path, help="default: those of the package")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the configuration")
    parser.add_argument("--root", type=Path, nargs="+", required=True, help="folders of sequences")
    parser.add_argument("--training", action="store_true", help="take the sequences that are not in held_out.txt")
    parser.add_argument("--every-nth-sequence", type=int, default=1, metavar="N", help="a quick look: each N-th")
    parser.add_argument("--frames", type=int, help="a quick look: so many frames of each; default: all")
    parser.add_argument("--workers", type=int, default=1)


def chosen_config(arguments: argparse.Namespace) -> Config:
    """Read the configuration with its changes."""
    settings = configuration.settings_to_dict(arguments.set)
    return configuration.from_dict(settings, "--set", configuration.load(arguments.config))


def chosen_sequences(arguments: argparse.Namespace) -> List[data.Sequence]:
    """Open the sequences that the arguments name, in the file's order.

    Raises
    ------
    InputError
        A name is in none of the folders or in several, or a quick look is at nothing.
    """
    if arguments.every_nth_sequence < 1 or (arguments.frames is not None and arguments.frames < 2):
        raise InputError("--every-nth-sequence must be 1 or more, and --frames 2 or more.")
    names = HELD_OUT.read_text().split()
    if arguments.training:
        names = [name for root in arguments.root for name in folder.sequence_names(root) if name not in names]
    names = names[:: arguments.every_nth_sequence]
    sequences = [folder.load_sequence(root_of(name, arguments.root), name) for name in names]
    return [shortened(sequence, arguments.frames or len(sequence)) for sequence in sequences]


def root_of(name: str, roots: Sequence[Path]) -> Path:
    """The one of the folders that holds a sequence."""
    holders = [root for root in roots if name in folder.sequence_names(root)]
    if len(holders) != 1:
        where = ", ".join(map(str, holders or roots))
        raise InputError(f"{name} is in {len(holders)} of the folders, but must be in one: {where}.")
    return holders[0]
