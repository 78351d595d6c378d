"""Store a trained network as the package's weights, write its graphs (graphs.py), and say so in assets/weights.csv:

python -m recipes.rar_thin.ship RUN/last.npz --confidence HALF SLOPE
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Sequence

import numpy as np

from rar_gluon import config
from rar_gluon.common import InputError
from rar_gluon.net.weights import SHIPPED, load_network, read_weights, save_arrays
from recipes.rar_thin.graphs import write_graphs
from recipes.rar_thin.record import record


def command(source: Path, confidence: Sequence[float] | None) -> str:
    """What stores these weights again, wherever their run lies."""
    fitted = "" if confidence is None else " --confidence " + " ".join(map(str, confidence))
    return f"python -m recipes.rar_thin.ship RUN/{source.name}{fitted}"


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
        record(SHIPPED, command(source, arguments.confidence))
        write_graphs()
    except (InputError, OSError) as error:
        print(f"ship: {error}", file=sys.stderr)
        return 2
    print(f"{SHIPPED}: {SHIPPED.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
