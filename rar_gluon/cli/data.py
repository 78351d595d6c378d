"""Look at datasets: `rar data`."""

from __future__ import annotations

import argparse

from rar_gluon.cli.options import add_command, add_group, path
from rar_gluon.data.datasets import DATASETS


def add_data(commands) -> None:
    """Add `rar data`."""
    example = "rar data check otb2015 OTB"
    actions = add_group(commands, "data", "actions", "look at datasets", example)
    check = add_command(actions, "check", check_command, "say what is there", example)
    check.add_argument("dataset", choices=tuple(DATASETS), help="folder: any folder of sequences")
    check.add_argument("root", type=path, metavar="ROOT", help="where the dataset is")


def check_command(arguments: argparse.Namespace) -> int:
    """Say what of a dataset is there, what is missing and what is inconsistent; status 1 when it is not complete."""
    from rar_gluon.data.check import check

    report = check(arguments.dataset, arguments.root)
    print(report.text())
    return 0 if report.complete else 1
