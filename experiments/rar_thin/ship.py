"""Store a trained network as the package's weights: `python experiments/rar_thin/ship.py RUN/best.npz`."""

from __future__ import annotations

import sys
from pathlib import Path

from rar_gluon import config
from rar_gluon.net.weights import SHIPPED, load_network, save_network

if __name__ == "__main__":
    save_network(load_network(config.load("rar_thin"), Path(sys.argv[1])), SHIPPED, "float16")
    print(f"{SHIPPED}: {SHIPPED.stat().st_size / 1e6:.1f} MB")
