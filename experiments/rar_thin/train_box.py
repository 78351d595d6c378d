r"""Train the box head of a network (`tracking.box_rate`): what the network sees of pairs, kept in WORK, then the fit.

    python experiments/rar_thin/train_box.py WORK --records R1 --records SKY=0.15 --synthetic 0.5 --cutouts STILLS \
        --cutouts VIDEOS MASKS --validation RECORDS                         # of the package's weights
    python experiments/rar_thin/train_box.py WORK --config CONFIG --weights FILE --records RECORDS     # of yours

It is written beside the weights, .box.npz for .npz. Interrupted, it goes on where it was; sequences of held_out.txt
are not trained on, and --validation is only for what is printed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable, Dict

from ship import record
from tqdm import tqdm

from heldout import HELD_OUT
from rar_gluon import config as configuration
from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.data.clips import Clips, training_clips, weighted_folders
from rar_gluon.net.box_head import SHOWN, head_path, save_head
from rar_gluon.net.rar import RAR
from rar_gluon.net.weights import SHIPPED, load_network, read_npz, write_npz
from rar_gluon.provenance import file_hash, keep_record
from rar_gluon.tracking.tracker import NETWORKS
from rar_gluon.training.box_head import Seen, errors, fit, joined, see
from rar_gluon.training.box_pairs import BoxPairs

PART = 400  # pairs a file of WORK
EACH = 8  # pairs at a time
VALIDATION = 1200  # pairs


def main() -> int:
    """Parse, see, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder for what is seen")
    parser.add_argument("--config", default="rar_thin")
    parser.add_argument("--weights", type=Path, default=SHIPPED)
    parser.add_argument("--records", action="append", default=[], metavar="DIR[=WEIGHT]", help="of `rar prepare`")
    parser.add_argument("--synthetic", type=float, help="part of the pairs, as in `rar train`")
    parser.add_argument("--cutouts", type=Path, action="append", nargs="+", default=[], help="as in `rar train`")
    parser.add_argument("--validation", action="append", default=[], metavar="DIR", help="records to print errors on")
    parser.add_argument("--pairs", type=int, default=24000)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runtime", choices=NETWORKS, default="mxnet")
    arguments = parser.parse_args()
    try:
        _train(arguments)
    except (InputError, OSError) as error:
        print(f"train_box: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"train_box: interrupted; the same command goes on with what is in {arguments.work}.", file=sys.stderr)
        return 130
    return 0


def _train(arguments: argparse.Namespace) -> None:
    if min(arguments.pairs, arguments.epochs) < 1:
        raise InputError("--pairs and --epochs must be 1 or more.")
    config, shipped = configuration.load(arguments.config), arguments.weights == SHIPPED
    net = load_network(config, None if shipped else arguments.weights)
    compute = NETWORKS[arguments.runtime](net)
    made_with = {"weights": file_hash(arguments.weights), "seed": arguments.seed, "windows": SHOWN}
    held_out = HELD_OUT.read_text().split() if shipped else []
    clips = training_clips(
        config, weighted_folders(arguments.records), arguments.synthetic, arguments.cutouts, held_out
    )
    seen = collected(arguments.work / "training", net, compute, clips, config, made_with, arguments.pairs)
    head = fit(
        seen,
        config.tracking.input_size,
        arguments.epochs,
        arguments.seed,
        lambda numbers: tqdm(numbers, "fit", unit="epoch"),
    )
    save_head(head, head_path(arguments.weights), arguments.weights)
    print(f"{head_path(arguments.weights)}: " + _told(errors(head, seen)) + ", on what it was trained on")
    if arguments.validation:
        others = training_clips(config, weighted_folders(arguments.validation), 0.0)
        seen = collected(arguments.work / "validation", net, compute, others, config, made_with, VALIDATION)
        print("on --validation: " + _told(errors(head, seen)))
    if shipped:
        record(head_path(SHIPPED), "python experiments/rar_thin/train_box.py")


def collected(
    work: Path, net: RAR, compute: Callable, clips: Clips, config: Config, made_with: Dict, count: int
) -> Seen:
    """What is seen of the first `count` pairs; what is in `work` is not made again.

    Raises
    ------
    InputError
        What is there is of other weights, sources or another seed, or damaged.
    """
    settings = {**made_with, "sources": clips.about}
    keep_record(work / "settings.json", settings, tuple(settings))
    pairs, parts = BoxPairs(clips, config, made_with["seed"]), []
    for first in tqdm(range(0, count, PART), work.name, unit="part"):
        file, numbers = work / f"{first}.npz", range(first, min(first + PART, count))
        part = _read(file) if file.is_file() else None
        if part is None or len(part.changes) < len(numbers):
            each = [numbers[start : start + EACH] for start in range(0, len(numbers), EACH)]
            part = joined([see(net, compute, [pairs[number] for number in some]) for some in each])
            write_npz(file, **part._asdict())
        parts.append(Seen(*(array[: len(numbers)] for array in part)))
    return joined(parts)


def _read(file: Path) -> Seen:
    advice = "remove it, and run this again"
    arrays = read_npz(file, advice)
    try:
        return Seen(*(arrays[name] for name in Seen._fields))
    except LookupError as error:
        raise InputError(f"{file} holds no pairs: {advice}.") from error


def _told(found: dict) -> str:
    return ", ".join(
        f"{name} {found[name]:.4f} (as it was {found[name + '_before']:.4f})" for name in ("size", "aspect")
    )


if __name__ == "__main__":
    sys.exit(main())
