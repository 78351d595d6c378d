"""What an experiment costs: operations, and hours and dollars of the machines that could do them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Mapping, NamedTuple

import rar_gluon  # noqa: F401  (before mxnet: sets its threads)
from rar_gluon import strict_yaml
from rar_gluon.config import Config
from rar_gluon.net import cost
from rar_gluon.net.rar import build
from rar_gluon.table_text import text_table

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)

CARDS = Path(__file__).with_name("aws") / "cards.yaml"


class Machine(NamedTuple):
    """A machine of cards.yaml: operations a second that a training reaches, dollars an hour (None: without a price)."""

    card: str
    gpus: int
    wheel: str
    speed: float
    dollars: float | None


def read_machines(path: Path = CARDS) -> Dict[str, Machine]:
    """Machines of cards.yaml by name: its peak speeds times its utilisation."""
    values = strict_yaml.read(path)
    machines = {}
    for name, one in values["instances"].items():
        card = values["cards"][one["card"]]
        speed = one["gpus"] * card["tflops"] * 1e12 * values["utilisation"]
        machines[name] = Machine(one["card"], one["gpus"], card["wheel"], speed, one["dollars"])
    return machines


def training_macs(config: Config, clips: int | None = None) -> float:
    """Multiply-accumulates of a training on so many clips (None: the configuration's).

    The backward pass of a convolution is two such convolutions, by weights and by input, so a clip costs its forward
    pass and twice what is trained of it. Left out: everything but convolutions, reading of clips, validation, and what
    several GPUs lose by waiting for each other.
    """
    settings = config.training
    clips = settings.epoch_clips * settings.epochs if clips is None else clips
    return clips * (cost.clip_macs(config) + 2 * cost.clip_macs(config, trained=True))


def costs_of(config: Config, frames: int, pairs: int = 0) -> Dict[str, float]:
    """Multiply-accumulates by stage of a job: the training, matching of `pairs`, and tracking of `frames`."""
    frame = cost.frame_macs(config)
    pair = frame["template"] + frame["search"] / config.tracking.scales
    return {"train": training_macs(config), "match": pairs * pair, "track": frames * sum(frame.values())}


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
    return 4 * passes * cost.summarise(config).macs / (time.perf_counter() - start)


@dataclass(frozen=True)
class Plan:
    """What a call would do with each configuration.

    Attributes
    ----------
    configs : by the name of the job.
    frames, pairs : that each job tracks and matches.
    trains : whether it trains before.
    on_cards : hours and dollars on the cards of cards.yaml, instead of hours of this machine.
    """

    configs: Mapping[str, Config]
    frames: int
    pairs: int = 0
    trains: bool = True
    on_cards: bool = False


def dry_run(plan: Plan) -> str:
    """Text of a plan: what each job costs."""
    single = {name: one for name, one in read_machines().items() if one.gpus == 1 and one.dollars}
    speed = 0.0 if plan.on_cards else measured_speed(list(plan.configs.values())[-1])
    head = ["job", "GFLOP/image", "GFLOP/clip", "clips", "GFLOP/frame", "PFLOP train", "PFLOP eval", "GB"]
    head += [f"{unit} {name}" for name in single for unit in "h$"] if plan.on_cards else ["hours here"]
    rows, sums = [head], [0.0] * (len(head) - 1)
    for name, config in plan.configs.items():
        clips = config.training.epoch_clips * config.training.epochs if plan.trains else 0
        costs, summary = costs_of(config, plan.frames, plan.pairs), cost.summarise(config)
        train, evaluation = costs["train"] if plan.trains else 0.0, costs["match"] + costs["track"]
        gigabytes = summary.parameters * 4 * (3 if plan.trains else 1) / 1e9
        single_macs = (summary.macs, training_macs(config, 1), sum(cost.frame_macs(config).values()))
        image, clip, frame = (macs / 5e8 for macs in single_macs)
        numbers = [image, clip, clips, frame, train / 5e14, evaluation / 5e14, gigabytes]
        if plan.on_cards:
            for machine in single.values():
                hours = 2 * (train + evaluation) / machine.speed / 3600
                numbers += [hours, hours * machine.dollars]
        else:
            numbers.append((train + evaluation) / speed / 3600)
        sums = [total + value for total, value in zip(sums, numbers)]
        rows.append([name, *(f"{value:.4g}" for value in numbers)])
    rows.append(["all", "", "", f"{sums[2]:.4g}", "", *(f"{value:.4g}" for value in sums[4:])])
    lines = text_table(rows, [True] * len(head))
    lines += [
        "",
        "1 multiply-accumulate (MAC) is 2 FLOP; only convolutions are counted (rar_gluon/net/cost.py).",
        "clip: MACs = forward pass of T templates with contexts and a search region, and twice what is trained of it.",
        "frame: MACs = forward pass of all scales and of the template with contexts; a pair has one scale.",
        "GB: weights and a checkpoint (parameters, momentum) of each job. Records of the training set come on top:",
        "about 9 kB an annotated frame at 159 pixels, 20 kB at 255 (34 GB for ILSVRC VID; docs/guide/train.md).",
    ]
    if plan.on_cards:
        lines.append(
            "hours = FLOP / (peak of the card x utilisation, assumed) / 3600; dollars = hours x price: "
            "experiments/aws/cards.yaml."
        )
    else:
        lines.append(
            f"hours = FLOP / {2 * speed / 1e9:.1f} GFLOP/s / 3600, measured just now, forward, on the last job."
        )
    return "\n".join(lines)
