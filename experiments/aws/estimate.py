"""Hours and dollars of a training on cloud machines, and frames/s of a tracker, computed from multiply-accumulates.

    python -m experiments.aws.estimate [CONFIG] [--clips N] [--epochs N]

The cards' speeds are their vendor's, the part of it that is reached is assumed, and so are the prices: see cards.yaml.
"All" adds what comes before the training and beside it: VID is downloaded, unpacked and packed, weights are validated,
and the disk is paid for. The tracker uses one GPU.
"""

from __future__ import annotations

import argparse
import sys
from typing import Mapping

from experiments.costs import CARDS, Machine, read_machines, training_macs
from rar_gluon import strict_yaml
from rar_gluon.common import InputError
from rar_gluon.config import Config, load
from rar_gluon.net.cost import clip_macs, frame_macs
from rar_gluon.table_text import markdown_table

CLIP = 2.7  # GiB that a clip of row 13 takes while it is trained, measured on a CPU
SPARE = 1.1  # times that, for weights and what a GPU needs besides (assumed)
MONTH = 730  # hours


def estimate(
    config: Config, machines: Mapping[str, Machine], clips: int, around: Mapping[str, float], clip: float = CLIP
) -> str:
    """Markdown table of what a training on so many clips takes on each machine.

    Parameters
    ----------
    around : of cards.yaml: what comes before the training and beside it.
    clip : GiB that a clip takes while it is trained.
    """
    rows, operations = [], 2 * training_macs(config, clips)
    for name, machine in machines.items():
        hours = operations / machine.speed / 3600
        everything = None if machine.cores is None else hours + hours_around(config, machine, around)
        dollars = everything_dollars = ""
        if machine.dollars is not None:
            disk = around["disk"] * around["disk_dollars"] / MONTH
            dollars = f"{hours * machine.dollars:.0f}"
            everything_dollars = "" if everything is None else f"{everything * (machine.dollars + disk):.0f}"
        fits = "yes" if batch_fits(config, machine, clip) else "no"
        all_hours = "" if everything is None else f"{everything:.1f}"
        gpus, frames = f"{machine.gpus} x {machine.card}", f"{1 / frame_seconds(config, machine):.1f}"
        rows.append((name, gpus, machine.wheel, f"{hours:.1f}", dollars, fits, all_hours, everything_dollars, frames))
    fits = f"batch {config.training.batch} fits"
    head = ("machine", "GPUs", "wheel", "hours", "dollars", fits, "all hours", "all dollars", "frames/s")
    return "\n".join(markdown_table(head, rows))


def hours_around(config: Config, machine: Machine, around: Mapping[str, float]) -> float:
    """Hours besides the training: download, unpacking, packing on all cores, and validation on one GPU."""
    data = around["archive"] * 1000 * (1 / around["download"] + 1 / around["unpack"]) / 3600
    frames = (config.training.epochs + 1) * around["sequences"] * around["frames"]
    track = frames * frame_seconds(config, machine) / 3600
    return data + around["pack"] / machine.cores + track


def frame_seconds(config: Config, machine: Machine) -> float:
    """Seconds of a tracked frame on one GPU of a machine."""
    return 2 * sum(frame_macs(config).values()) / (machine.speed / machine.gpus)


def batch_fits(config: Config, machine: Machine, clip: float) -> bool:
    """Whether the GPUs of a machine hold the configuration's batch, with some memory to spare."""
    return config.training.batch / machine.gpus * clip * SPARE * 2**30 <= machine.memory * 1e9


def main() -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default="rar", help="a preset or a YAML file; default: rar")
    parser.add_argument("--clips", type=int, metavar="N", help="clips of an epoch; default: the configuration's")
    parser.add_argument("--epochs", type=int, metavar="N", help="default: the configuration's")
    parser.add_argument("--clip-memory", type=float, default=CLIP, metavar="GIB", help=f"of a clip; default: {CLIP}")
    arguments = parser.parse_args()
    try:
        config = load(arguments.config)
    except InputError as error:
        print(f"estimate: {error}", file=sys.stderr)
        return 2
    clips = (arguments.clips or config.training.epoch_clips) * (arguments.epochs or config.training.epochs)
    forward, trained = clip_macs(config), clip_macs(config, trained=True)
    print(f"{forward / 1e9:.2f} GMAC a clip, {trained / 1e9:.2f} of them trained; {clips} clips\n")
    print(estimate(config, read_machines(), clips, strict_yaml.read(CARDS)["around"], arguments.clip_memory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
