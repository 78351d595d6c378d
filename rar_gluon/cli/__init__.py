"""The command `rar`: parse, call, print."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Sequence

from rar_gluon.cli.config import add_config
from rar_gluon.cli.data import add_data
from rar_gluon.cli.evaluate import add_eval, add_report, add_score, add_trax
from rar_gluon.cli.show import add_show
from rar_gluon.cli.track import add_demo, add_track
from rar_gluon.cli.training import add_launch, add_prepare, add_train
from rar_gluon.common import InputError

COMMANDS = (
    add_track,
    add_demo,
    add_eval,
    add_score,
    add_report,
    add_prepare,
    add_train,
    add_launch,
    add_trax,
    add_data,
    add_show,
    add_config,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 done, 2 unusable input, 130 interrupted."""
    arguments = make_parser().parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except InputError as error:
        print(f"rar: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rar: interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output left: `rar config --explain | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def make_parser() -> argparse.ArgumentParser:
    """Make the command line's parser."""
    parser = argparse.ArgumentParser(prog="rar", description="The visual tracker RAR in MXNet/Gluon.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return parser
