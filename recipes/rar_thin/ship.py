"""Store a trained network as the package's weights, and record it in weights.csv.

python -m recipes.rar_thin.ship RUN/last.npz --confidence HALF SLOPE
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from pathlib import Path

import numpy as np

import rar_gluon
from rar_gluon import config
from rar_gluon.common import InputError, csv_text, write_text
from rar_gluon.net.weights import SHIPPED, load_network, read_weights, save_arrays
from rar_gluon.provenance import file_hash

TABLE = SHIPPED.with_name("weights.csv")


def record(path: Path, command: str) -> None:
    """Write a file's line of weights.csv anew: version, hash, commit that the package is at, command."""
    with open(TABLE, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    row = next((row for row in rows if row["file"] == path.name), None)
    if row is None:
        rows.append(row := dict.fromkeys(rows[0], path.name))
    git = ["git", "-C", str(path.parent), "rev-parse", "--short", "HEAD"]
    try:
        commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(f"{TABLE} is of no commit that git can tell: record {path.name} in a checkout.") from error
    row.update(version=rar_gluon.__version__, sha256=file_hash(path), commit=commit, command=command)
    write_text(TABLE, csv_text([rows[0], *(row.values() for row in rows)]))


def main() -> int:
    """Parse, check, store, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="weights that `rar train` wrote")
    parser.add_argument(
        "--confidence", type=float, nargs=2, metavar=("HALF", "SLOPE"), help="as calibrate fits them to these weights"
    )
    arguments = parser.parse_args()
    source = arguments.source
    try:
        load_network(config.load("rar_thin"), source)  # is of this network
        trained = read_weights(source)
        half = {name: array.astype("float16") for name, array in trained.arrays.items()}
        if arguments.confidence is not None:
            half["confidence"] = np.array(arguments.confidence)
        save_arrays(SHIPPED, half, trained.config, trained.holds)
        record(SHIPPED, f"python -m recipes.rar_thin.ship RUN/{source.name}")
    except (InputError, OSError) as error:
        print(f"ship: {error}", file=sys.stderr)
        return 2
    print(f"{SHIPPED}: {SHIPPED.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
