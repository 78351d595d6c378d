"""Say what of an installation works, and what to do about the rest: `rar doctor`."""

from __future__ import annotations

import argparse
from pathlib import Path

from rar_gluon.cli.options import add_command, path
from rar_gluon.common import InputError, expanded
from rar_gluon.data.datasets import DATASETS


def add_doctor(commands) -> None:
    """Add `rar doctor`."""
    doctor = add_command(
        commands,
        "doctor",
        doctor_command,
        "look for what is wrong with an installation",
        "rar doctor --gpu --data otb2015=OTB --folder runs",
    )
    doctor.add_argument("--gpu", action="store_true", help="there must be a GPU")
    doctor.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="DATASET=DIR",
        help=f"look whether it is whole: {', '.join(DATASETS)}; can be repeated",
    )
    doctor.add_argument(
        "--folder",
        type=path,
        default=Path("."),
        metavar="DIR",
        help="where results will go; default: the working one",
    )


def doctor_command(arguments: argparse.Namespace) -> int:
    """Look at versions, GPUs, their results, datasets and the disk; status 1, and a fix for each, when one is wrong."""
    from rar_gluon.cli.installation import examine

    roots = {}
    for text in arguments.data:
        dataset, _, root = text.partition("=")
        if dataset not in DATASETS or not root:
            raise InputError(f"--data is {text!r}, but DATASET=DIR is needed, with one of {', '.join(DATASETS)}.")
        roots[dataset] = expanded(root)
    findings = examine(arguments.gpu, roots, arguments.folder)
    for finding in findings:
        print(
            f"{'ok  ' if finding.good else 'BAD '} {finding.text}" + ("" if finding.good else f"\n     {finding.fix}")
        )
    return 0 if all(finding.good for finding in findings) else 1
