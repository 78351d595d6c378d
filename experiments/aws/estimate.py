"""Hours and dollars of a training on cloud machines, computed from the network's multiply-accumulates.

    python -m experiments.aws.estimate [CONFIG] [--clips N] [--epochs N]

The cards' speeds are their vendor's, the part of it that is reached is assumed, and so are the prices: see cards.yaml.
"""

from __future__ import annotations

import argparse
from typing import Mapping

from experiments.costs import Machine, read_machines, training_macs
from rar_gluon.config import Config, load
from rar_gluon.net.cost import clip_macs
from rar_gluon.table_text import markdown_table


def estimate(config: Config, machines: Mapping[str, Machine], clips: int) -> str:
    """Markdown table of the hours and dollars that a training on so many clips takes on each machine."""
    rows, operations = [], 2 * training_macs(config, clips)
    for name, machine in machines.items():
        hours = operations / machine.speed / 3600
        dollars = "" if machine.dollars is None else f"{hours * machine.dollars:.0f}"
        rows.append((name, f"{machine.gpus} x {machine.card}", machine.wheel, f"{hours:.1f}", dollars))
    return "\n".join(markdown_table(("machine", "GPUs", "wheel", "hours", "dollars"), rows))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default="rar", help="a preset or a YAML file; default: rar")
    parser.add_argument("--clips", type=int, metavar="N", help="clips of an epoch; default: the configuration's")
    parser.add_argument("--epochs", type=int, metavar="N", help="default: the configuration's")
    arguments = parser.parse_args()
    config = load(arguments.config)
    clips = (arguments.clips or config.training.epoch_clips) * (arguments.epochs or config.training.epochs)
    forward, trained = clip_macs(config), clip_macs(config, trained=True)
    print(f"{forward / 1e9:.2f} GMAC a clip, {trained / 1e9:.2f} of them trained; {clips} clips\n")
    print(estimate(config, read_machines(), clips))


if __name__ == "__main__":
    main()
