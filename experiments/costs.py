"""What an experiment costs: operations, and hours and dollars of the machines that could do them."""

from __future__ import annotations

import time
from typing import Dict, Mapping

import yaml

import rar_gluon  # noqa: F401  (before mxnet: sets its threads)
from experiments.aws.estimate import CARDS, images_per_clip, macs_per_image
from rar_gluon.config import Config
from rar_gluon.net.cost import summarise
from rar_gluon.net.rar import build

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)


def costs_of(config: Config, frames: int, matching: Mapping | None = None) -> Dict[str, float]:
    """Multiply-accumulates by stage: of the training, as aws/estimate.py counts them, of matching (a size's), and of
    tracking so many frames.
    """
    settings, images = config.training, images_per_clip(config)
    macs, trained = macs_per_image(config)
    template = (images - 1) / settings.templates  # a template with its contexts, in images of the input size
    clips = settings.epoch_clips * settings.epochs
    pairs = 0 if matching is None else matching["pairs"] * (len(matching["steps"]) + 1)
    return {
        "train": clips * images * (macs + 2 * trained),
        "match": pairs * (1 + template) * macs,
        "track": frames * (config.tracking.scales + template) * macs,
    }


def measured_speed(config: Config) -> float:
    """Multiply-accumulates a second of this machine, in forward passes of `config`."""
    net = build(config.network)
    image = mx.nd.zeros((4, 3, config.tracking.input_size, config.tracking.input_size))
    state = net.begin_state(image.shape)
    net.hybridize()
    net(image, *state)[0].wait_to_read()
    start, passes = time.perf_counter(), 3
    for _ in range(passes):
        net(image, *state)[0].wait_to_read()
    return 4 * passes * summarise(config).macs / (time.perf_counter() - start)


def dry_run(
    configs: Mapping[str, Config], frames: int, full: bool, trains: bool = True, matching: Mapping | None = None
) -> str:
    """Text of a plan: what each of `configs` (by name) costs to train and to track `frames` frames with.

    In hours of this machine or, for size `full`, in hours and dollars on each card.
    """
    cards = yaml.safe_load(CARDS.read_text(encoding="utf-8"))
    head = ["job", "GFLOP/image", "trained", "clips", "images", "PFLOP train", "PFLOP eval", "GB"]
    single = [name for name, machine in cards["instances"].items() if machine["gpus"] == 1 and machine["dollars"]]
    speed = 0.0 if full else measured_speed(list(configs.values())[-1])
    head += [f"{unit} {name}" for name in single for unit in "h$"] if full else ["hours here"]
    rows, sums = [head], [0.0] * (len(head) - 1)
    for name, config in configs.items():
        clips = config.training.epoch_clips * config.training.epochs if trains else 0
        costs = costs_of(config, frames, matching)
        train, evaluation = costs["train"] if trains else 0.0, costs["match"] + costs["track"]
        gigabytes = summarise(config).parameters * 4 * (3 if trains else 1) / 1e9
        image = [2 * value / 1e9 for value in macs_per_image(config)]
        numbers = [*image, clips, clips * images_per_clip(config), train / 5e14, evaluation / 5e14, gigabytes]
        if full:
            for machine in map(cards["instances"].get, single):
                reached = cards["cards"][machine["card"]]["tflops"] * 1e12 * cards["utilisation"]
                hours = 2 * (train + evaluation) / reached / 3600
                numbers += [hours, hours * machine["dollars"]]
        else:
            numbers.append((train + evaluation) / speed / 3600)
        sums = [total + value for total, value in zip(sums, numbers)]
        rows.append([name, *(f"{value:.4g}" for value in numbers)])
    rows.append(["all", "", "", *(f"{value:.4g}" for value in sums[2:])])
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]
    lines += [
        "",
        "1 multiply-accumulate (MAC) is 2 FLOP; only convolutions are counted.",
        "training: MACs = clips x images a clip x (MAC/image + 2 x MAC/image of what is trained);",
        "images a clip = templates x (1 + contexts) + 1; with contexts by feature, one larger image for 1 + contexts.",
        "evaluation: MACs = (frames x (scales + template with contexts) + pairs x (1 + template)) x MAC/image.",
        "GB: weights and a checkpoint (parameters, momentum) of each job. Records of the training set come on top:",
        "about 9 kB an annotated frame at 159 pixels, 20 kB at 255 (34 GB for ILSVRC VID; docs/training.md).",
    ]
    if full:
        lines.append(
            f"hours = FLOP / (peak of the card x {cards['utilisation']}, assumed) / 3600; dollars = hours x price; "
            "peaks and prices: experiments/aws/cards.yaml."
        )
    else:
        lines.append(
            f"hours = FLOP / {2 * speed / 1e9:.1f} GFLOP/s / 3600, measured just now, forward, on the last job."
        )
    return "\n".join(lines)
