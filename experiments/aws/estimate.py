"""Hours and dollars of a training on cloud machines, computed from the network's multiply-accumulates.

    python experiments/aws/estimate.py [CONFIG] [--clips N] [--epochs N]

The cards' speeds are their vendor's, the part of it that is reached is assumed, and so are the prices: see cards.yaml.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import List, Mapping, NamedTuple, Tuple

import yaml

from rar_gluon.config import Config, load
from rar_gluon.net.cost import count_macs, outline
from rar_gluon.tracking.geometry import context_margin
from rar_gluon.training.loop import freeze

CARDS = Path(__file__).with_name("cards.yaml")


class Row(NamedTuple):
    """One machine; dollars are None where it has no price."""

    instance: str
    card: str
    gpus: int
    wheel: str
    hours: float
    dollars: float | None


def estimate(config: Config, cards: Mapping, clips: int | None = None, epochs: int | None = None) -> List[Row]:
    """Time and cost of training `config` on each machine of `cards` (cards.yaml).

        operations of a clip = 2 · images · (macs + 2 · trained)
        hours                = clips · epochs · operations / (gpus · peak · utilisation) / 3600
        dollars              = hours · price

    `macs` are the multiply-accumulates of one image's forward pass, `trained` those of convolutions whose weights are
    not frozen: their backward pass is two such convolutions, by weights and by input. `images` of a clip are T (1 + k)
    + 1, see `images_per_clip`. Left out: everything but convolutions, reading of clips, validation, and what several
    GPUs lose by waiting for each other.

    Parameters
    ----------
    clips, epochs : of an epoch, and their number; default: the configuration's.
    """
    clips, epochs = clips or config.training.epoch_clips, epochs or config.training.epochs
    macs, trained = macs_per_image(config)
    operations = clips * epochs * 2 * images_per_clip(config) * (macs + 2 * trained)
    rows = []
    for name, machine in cards["instances"].items():
        card = cards["cards"][machine["card"]]
        speed = machine["gpus"] * card["tflops"] * 1e12 * cards["utilisation"]
        hours, price = operations / speed / 3600, machine["dollars"]
        dollars = None if price is None else hours * price
        rows.append(Row(name, machine["card"], machine["gpus"], card["wheel"], hours, dollars))
    return rows


def macs_per_image(config: Config) -> Tuple[int, int]:
    """Multiply-accumulates of all convolutions, and of those that are trained, for one image of the input size."""
    net, output, shapes = outline(config)
    trained = {parameter.name for parameter in freeze(net, config.training).values()}
    kernels = {name: parameter.shape for name, parameter in net.collect_params().items()}
    learning = {name: kernel if name in trained else (0,) for name, kernel in kernels.items()}
    return count_macs(output, shapes, kernels), count_macs(output, shapes, learning)


def images_per_clip(config: Config) -> float:
    """Images of the input size that the network sees for a clip: T (1 + k) + 1.

    With contexts by feature, T larger ones, counted by their area, and one.
    """
    templates, size = config.training.templates, config.tracking.input_size
    if config.filter.contexts and config.filter.context_source == "feature":
        larger = size + 2 * context_margin(size, config.network.stride, config.tracking.padding)
        return templates * (larger / size) ** 2 + 1
    return templates * (1 + config.filter.contexts) + 1


def table(rows: List[Row]) -> str:
    """Markdown table of the rows."""
    lines = ["| machine | GPUs | wheel | hours | dollars |", "|---|---|---|---|---|"]
    for row in rows:
        dollars = "" if row.dollars is None else f"{row.dollars:.0f}"
        lines.append(f"| {row.instance} | {row.gpus} x {row.card} | {row.wheel} | {row.hours:.1f} | {dollars} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", default="rar", help="a preset or a YAML file; default: rar")
    parser.add_argument("--clips", type=int, metavar="N", help="clips of an epoch; default: the configuration's")
    parser.add_argument("--epochs", type=int, metavar="N", help="default: the configuration's")
    arguments = parser.parse_args()
    config, cards = load(arguments.config), yaml.safe_load(CARDS.read_text(encoding="utf-8"))
    macs, trained = macs_per_image(config)
    print(
        f"{macs / 1e9:.2f} GMAC an image, {trained / 1e9:.2f} of them trained; "
        f"{images_per_clip(config):g} images a clip; utilisation {cards['utilisation']} (assumed)\n"
    )
    print(table(estimate(config, cards, arguments.clips, arguments.epochs)))


if __name__ == "__main__":
    main()
