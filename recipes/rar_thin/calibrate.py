"""What part of the frames with a score is lost (overlap below .2)? Fits and checks `Tracker.confidence`.

    python -m recipes.rar_thin.select --root DIR ... --stills DIR ... --output RESULTS
    python -m recipes.rar_thin.calibrate RESULTS

prints the score of one half and the slope fitted to these runs (which weigh the same), and a table: frames by the
confidence that the weights have now, and the part of them that is on the target. `ship` stores the two numbers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Tuple

import numpy as np

import rar_gluon  # noqa: F401
from rar_gluon.common import InputError
from rar_gluon.evaluation.otb.ope import overlap
from rar_gluon.net.weights import SHIPPED, read_confidence
from rar_gluon.table_text import text_table
from rar_gluon.tracking.confidence import confidence
from recipes.rar_thin.select import read_track

LOST = 0.2  # overlap
STEPS = 100  # of Newton's method


def main() -> int:
    """Parse, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder that select wrote")
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="default: those of the package")
    arguments = parser.parse_args()
    try:
        fitted = read_confidence(arguments.weights)
        scores, kept, weights = read_scores(arguments.results)
    except (InputError, OSError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 2
    half, slope = fit(scores, kept, weights)
    print(f"fitted: half {half:.3f}, slope {slope:.1f}")
    said = np.array([confidence(score, *fitted) for score in scores])
    print("with the weights: half {:.3f}, slope {:.1f}".format(*fitted))
    rows = [("confidence", "frames", "on the target")]
    for low in np.arange(0, 1, 0.2):
        chosen = (said >= low) & (said < low + 0.2 + 1e-9 * (low > 0.7))
        share = f"{kept[chosen].mean():.3f}" if chosen.any() else "-"
        rows.append((f"{low:.1f} - {low + 0.2:.1f}", str(chosen.sum()), share))
    print("\n".join(text_table(rows, [False, True, True])))
    return 0


def read_scores(folder: Path) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores (N,), whether the box was on the target (N,), weights (N,) that sum to 1 over each run."""
    scores, kept, weights = [], [], []
    for path in sorted((folder / "runs").glob("*.csv")):
        track = read_track(path)
        overlaps = overlap(track.boxes, track.truth)
        judged = np.isfinite(overlaps)
        judged[0] = False  # the first box is given
        scores.append(track.scores[judged])
        kept.append(overlaps[judged] >= LOST)
        weights.append(np.full(judged.sum(), 1 / max(judged.sum(), 1)))
    if not scores:
        raise InputError(f"{folder} holds no runs: write them with select --output {folder}.")
    return np.concatenate(scores), np.concatenate(kept), np.concatenate(weights)


def fit(scores: np.ndarray, kept: np.ndarray, weights: np.ndarray) -> Tuple[float, float]:
    """Logistic regression of `kept` on the score's logarithm: the score of one half, and the slope."""
    x = np.stack([np.ones_like(scores), np.log(np.maximum(scores, 1e-6))])
    # A pseudo-frame of each kind, an octave from the mean: without any lost frame there is no finite slope.
    middle = x[1].mean()
    x = np.hstack([x, [[1, 1], [middle - 1, middle + 1]]])
    kept, weights = np.append(kept, [0, 1]), np.append(weights, [0.5, 0.5])
    theta = np.zeros(2)
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-theta @ x))
        hessian = (x * (weights * p * (1 - p))) @ x.T + 1e-9 * np.eye(2)
        theta = theta + np.clip(np.linalg.solve(hessian, x @ (weights * (kept - p))), -1, 1)
    return float(np.exp(-theta[0] / theta[1])), float(theta[1])


if __name__ == "__main__":
    sys.exit(main())
