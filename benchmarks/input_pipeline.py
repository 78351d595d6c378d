"""How fast clips are cut, beside what a training step needs.

    python benchmarks/input_pipeline.py --config rar_thin --records DIR --loaders 1 2

Prints images per second (T (1 + k) + 1 images a clip, 2 a pair) of the prepared records and of synthetic sequences for
each number of loader threads, then of the training step alone, on clips that are cut already.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import mxnet as mx
from mxnet import gluon, nd

from rar_gluon import config as configuration
from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.data.clips import Clips, stack_clips, training_clips
from rar_gluon.net.rar import build
from rar_gluon.training.loop import cut, freeze, images_per_clip, update
from rar_gluon.training.step import representation_cells


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="rar_thin")
    parser.add_argument("--records", type=Path, action="append", default=[], help="made by rar prepare")
    parser.add_argument("--loaders", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batches", type=int, default=10)
    arguments = parser.parse_args()
    try:
        config = configuration.load(arguments.config)
        sources = {"synthetic": training_clips(config, {}, 1.0)}
        if arguments.records:
            sources["records"] = training_clips(config, dict.fromkeys(arguments.records, 1.0))
    except InputError as error:
        print(f"input_pipeline: {error}", file=sys.stderr)
        return 2
    for name, clips in sources.items():
        for loaders in arguments.loaders:
            speed = loading_speed(clips, config.training.batch, arguments.batches, loaders)
            print(f"{name}, {loaders} loaders: {speed:.1f} images/s")
    print(f"training step: {step_speed(next(iter(sources.values())), config, arguments.batches):.1f} images/s")
    return 0


def loading_speed(clips: Clips, batch: int, batches: int, loaders: int) -> float:
    """Images per second of `loaders` threads that do nothing else."""
    numbers = (range(step * batch, (step + 1) * batch) for step in range(batches))
    start = time.perf_counter()
    images = sum(images_per_clip(clip) * batch for clip in cut(clips, numbers, loaders))
    return images / (time.perf_counter() - start)


def step_speed(clips: Clips, config: Config, steps: int) -> float:
    """Images per second of forward, backward and update on one batch; the median, after two steps to warm up."""
    net = build(config.network)
    trained = freeze(net, config.training)
    net.hybridize()
    trainer = gluon.Trainer(trained, "sgd", {"learning_rate": 1e-6}, update_on_kvstore=False)
    clip = stack_clips([clips[number] for number in range(config.training.batch)])
    cells, times = representation_cells(net, config), []
    for _ in range(steps + 2):
        start = time.perf_counter()
        update(net, trainer, clip, cells, config, [mx.cpu()])
        nd.waitall()
        times.append(time.perf_counter() - start)
    return images_per_clip(clip) * config.training.batch / statistics.median(times[2:])


if __name__ == "__main__":
    sys.exit(main())
