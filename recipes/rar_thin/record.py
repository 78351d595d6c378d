"""The table assets/weights.csv: of each file of the package its version, hash, commit, and the command that made it."""

from __future__ import annotations

import csv
import subprocess
from pathlib import Path

import rar_gluon
from rar_gluon.common import InputError, csv_text, write_text
from rar_gluon.provenance import file_hash

TABLE = Path(rar_gluon.__file__).parent / "assets" / "weights.csv"


def record(path: Path, command: str) -> None:
    """Write a file's line anew: version, hash, commit that the package is at, command.

    Raises
    ------
    InputError
        The package is in no checkout of git.
    """
    with open(TABLE, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    name = path.relative_to(TABLE.parent).as_posix()
    row = next((row for row in rows if row["file"] == name), None)
    if row is None:
        rows.append(row := dict.fromkeys(rows[0], name))
    git = ["git", "-C", str(path.parent), "rev-parse", "--short", "HEAD"]
    try:
        commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(f"{TABLE} is of no commit that git can tell: record {name} in a checkout.") from error
    row.update(version=rar_gluon.__version__, sha256=file_hash(path), commit=commit, command=command)
    write_text(TABLE, csv_text([rows[0], *(row.values() for row in rows)]))
