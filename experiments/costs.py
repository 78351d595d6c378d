"""What an experiment costs: operations, and hours and dollars of the machines that could do them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple

import rar_gluon  # noqa: F401  (before mxnet: sets its threads)
from rar_gluon import strict_yaml
from rar_gluon.config import Config
from rar_gluon.net import cost
from rar_gluon.net.rar import build
from rar_gluon.table_text import text_table

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)

CARDS = Path(__file__).with_name("aws") / "cards.yaml"


class Machine(NamedTuple):
    """A machine of cards.yaml: operations a second that a training reaches, dollars an hour (None: without a price).

    `memory` is GB of one GPU, `cores` the real ones of the machine (None: not known).
    """

    card: str
    gpus: int
    wheel: str
    speed: float
    dollars: float | None
    memory: float
    cores: int | None


def read_machines(path: Path = CARDS) -> Dict[str, Machine]:
    """Machines of cards.yaml by name: its peak speeds times its utilisation."""
    values = strict_yaml.read(path)
    machines = {}
    for name, one in values["instances"].items():
        card = values["cards"][one["card"]]
        speed = one["gpus"] * card["tflops"] * 1e12 * values["utilisation"]
        rest = (one["dollars"], card["memory"], one["cores"])
        machines[name] = Machine(one["card"], one["gpus"], card["wheel"], speed, *rest)
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
    """Text of a plan: what each job costs, and how long all of them take."""
    head = ["job", "GFLOP/image", "GFLOP/clip", "clips", "GFLOP/frame", "PFLOP to train", "PFLOP to judge", "GB"]
    rows, sums = [], {"train": 0.0, "judge": 0.0, "GB": 0.0}
    for name, config in plan.configs.items():
        clips = config.training.epoch_clips * config.training.epochs if plan.trains else 0
        costs, summary = costs_of(config, plan.frames, plan.pairs), cost.summarise(config)
        parts = {"train": costs["train"] if plan.trains else 0.0, "judge": costs["match"] + costs["track"]}
        parts["GB"] = summary.parameters * 4 * (3 if plan.trains else 1) / 1e9
        image, clip, frame = (
            macs / 5e8 for macs in (summary.macs, training_macs(config, 1), sum(cost.frame_macs(config).values()))
        )
        numbers = (image, clip, clips, frame, parts["train"] / 5e14, parts["judge"] / 5e14, parts["GB"])
        rows.append([name, *(f"{value:.4g}" for value in numbers)])
        sums = {key: total + parts[key] for key, total in sums.items()}
    totals = (sums["train"] / 5e14, sums["judge"] / 5e14, sums["GB"])
    rows.append(["all", "", "", "", "", *(f"{value:.4g}" for value in totals)])
    lines = text_table([head, *rows], [False] + [True] * (len(head) - 1))
    lines += [
        "",
        "2 FLOP are a multiply-accumulate; only convolutions are counted.",
        "clip: forward pass of templates, contexts and a search region, and twice what is trained of it.",
        "frame: forward pass of all scales, and of the template with its contexts. judge: match and track.",
        "GB: weights and a checkpoint of each job. Records come on top: 9 kB an annotated frame at 159 pixels,",
        "20 kB at 255, so 34 GB for ILSVRC VID (docs/guide/train.md).",
        "",
    ]
    macs = sums["train"] + sums["judge"]
    return "\n".join([*lines, *(_on_cards(macs) if plan.on_cards else _here(macs, plan))])


def _on_cards(macs: float) -> List[str]:
    """Hours and dollars of so many multiply-accumulates, on each machine that has a price."""
    head, rows = ("all jobs on", "GPUs", "hours", "dollars"), []
    for name, machine in read_machines().items():
        if machine.dollars is not None:
            hours = 2 * macs / machine.speed / 3600
            rows.append((name, f"{machine.gpus} x {machine.card}", f"{hours:.4g}", f"{hours * machine.dollars:.4g}"))
    note = (
        "hours = FLOP / (peak x utilisation, both assumed) / 3600; dollars = hours x price: experiments/aws/cards.yaml."
    )
    return [*text_table([head, *rows], [False, False, True, True]), "", note]


def _here(macs: float, plan: Plan) -> List[str]:
    """Hours of so many multiply-accumulates on this machine."""
    speed = measured_speed(list(plan.configs.values())[-1])
    gflops = 2 * speed / 1e9
    return [
        f"hours here: {macs / speed / 3600:.2g}, at {gflops:.1f} GFLOP/s, measured just now, forward, on the last job."
    ]
