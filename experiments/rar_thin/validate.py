"""Judge one choice for rar_thin on the sequences kept aside for it (held_out.txt), in either of two ways.

By tracking (the first --frames frames of each; mean AUC and DP@20, protocol matlab):

    python experiments/rar_thin/validate.py --root DIR --weights FILE --set tracking.learning_rate=0.008 --workers 2

or, in seconds, by matching single clips: the loss of Eq. 12, and how often the peak is within a cell of the truth:

    python experiments/rar_thin/validate.py --root DIR --weights FILE --clips 256
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path
from typing import Dict, List

import joblib
import numpy as np

import rar_gluon  # noqa: F401  (before mxnet: sets its threads)
from rar_gluon import config as configuration
from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.data import folder
from rar_gluon.data.clips import Clips, stack_clips
from rar_gluon.data.sequence import shortened
from rar_gluon.evaluation.otb.protocol import load_protocol
from rar_gluon.evaluation.sequences import headline, track_and_score
from rar_gluon.net.weights import load_network
from rar_gluon.tracking.geometry import peak
from rar_gluon.tracking.tracker import Tracker
from rar_gluon.training.held_out import SEED, pictures_of
from rar_gluon.training.step import loss, representation_cells, responses, to_batch

HELD_OUT = Path(__file__).with_name("held_out.txt")
BATCH = 32


def main() -> int:
    """Parse, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="rar_thin")
    parser.add_argument("--weights", type=Path, help="default: those of the package")
    parser.add_argument("--root", type=Path, required=True, help="folder of sequences")
    parser.add_argument("--sequences", type=Path, default=HELD_OUT, help="file of names; default: held_out.txt")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the configuration")
    parser.add_argument("--clips", type=int, help="match so many clips instead of tracking")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--by-sequence", action="store_true")
    arguments = parser.parse_args()
    try:
        settings = configuration.settings_to_dict(arguments.set)
        config = configuration.from_dict(settings, "--set", configuration.load(arguments.config))
        names = arguments.sequences.read_text().split()
        if arguments.clips:
            numbers = match(config, arguments.weights, arguments.root, names, arguments.frames, arguments.clips)
            print(" ".join([*arguments.set, *(f"{name} {value:.4f}" for name, value in numbers.items())]))
            return 0
        jobs = (
            joblib.delayed(track)(config, arguments.weights, arguments.root, name, arguments.frames) for name in names
        )
        scores = dict(zip(names, joblib.Parallel(n_jobs=arguments.workers)(jobs)))
    except (InputError, OSError) as error:
        print(f"validate: {error}", file=sys.stderr)
        return 2
    if arguments.by_sequence:
        print("\n".join(f"{name} auc {score.auc:.3f} dp {score.dp:.3f}" for name, score in scores.items()))
    mean = headline(list(scores.values()))
    print(" ".join([*arguments.set, *(f"{name} {value:.4f}" for name, value in mean.items())]))
    return 0


def track(config: Config, weights: Path | None, root: Path, name: str, frames: int):
    """Score of one sequence."""
    sequence = shortened(folder.load_sequence(root, name), frames)
    return track_and_score(_tracker(config, weights), [sequence], load_protocol("matlab"))[name]


@functools.lru_cache(maxsize=1)
def _tracker(config: Config, weights: Path | None) -> Tracker:
    return Tracker(config, weights)


def match(config: Config, weights: Path | None, root: Path, names: List[str], frames: int, count: int) -> Dict:
    """Loss, and part of the clips whose peak is within half a cell, one and two cells of the target."""
    wide = configuration.from_dict({"training": {"max_gap": 20, "shift_jitter": 0.9}}, base=config)
    sequences = [shortened(folder.load_sequence(root, name), frames) for name in names]
    clips = Clips([(pictures_of(sequences, wide), 1.0)], wide, SEED)
    net = load_network(config, weights)
    cells, stride, ctx = representation_cells(net, config), config.network.stride, net.backbone.mean.list_ctx()[0]
    losses, errors = [], []
    for first in range(0, count, BATCH):
        stacked = stack_clips([clips[number] for number in range(first, min(first + BATCH, count))])
        batch = to_batch(stacked, cells, wide, ctx)
        response = responses(net, batch, wide)
        losses += loss(response, batch.desired).asnumpy().tolist()
        found = np.array([peak(one) for one in response.asnumpy()])
        errors += np.hypot(*(found - stacked.shift / stride).T).tolist()
    errors = np.array(errors)
    near = {f"within_{limit}": float((errors < limit).mean()) for limit in (0.5, 1, 2)}
    return {"loss": float(np.mean(losses)), **near}


if __name__ == "__main__":
    sys.exit(main())
