"""Is the estimate of size free of bias? Windows centred on the truth, larger and smaller than it by known factors.

    python experiments/rar_thin/scale_bias.py --root DIR ...                          # on the split
    python experiments/rar_thin/scale_bias.py --root DIR ... --training               # on all others, to fit on

A tracker is started on a frame's truth, and looks at a frame 1, 5 or 20 frames later with windows about its truth. Per
gap: the median response of a window 1.03^n times too large over that of the right one; the mean (± standard error) and
the spread of the change of size that the configuration's rule makes of it, in steps of 3 %, which should be 0; how much
of a window wrong by two steps the rule takes back; and `tracking.scale_tilt` that these windows would have made.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Dict, List
from typing import Sequence as ListOf

import joblib
import numpy as np

import rar_gluon  # noqa: F401  (before mxnet: sets its threads)
from heldout import chosen_config, chosen_sequences, split_arguments
from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.data.sequence import Sequence
from rar_gluon.tracking import geometry, scale
from rar_gluon.tracking.tracker import Tracker

GAPS = (1, 5, 20)
STEP = np.log(1.03)
PROFILE = np.arange(-6, 7, 2)  # steps
WRONG = (-2, 0, 2)  # steps by which the tracker's box is wrong when the rule is asked
ALLOWED = 0.25  # steps


def main() -> int:
    """Parse, measure, print; status 1 when the mean is not within a quarter of a step at every gap."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    split_arguments(parser)
    parser.add_argument("--starts", type=int, default=6, help="frames of each sequence to start on")
    arguments = parser.parse_args()
    try:
        config, sequences = chosen_config(arguments), chosen_sequences(arguments)
        jobs = (joblib.delayed(measure)(config, arguments.weights, one, arguments.starts) for one in sequences)
        found = joblib.Parallel(n_jobs=arguments.workers)(jobs)
    except (InputError, OSError) as error:
        print(f"scale_bias: {error}", file=sys.stderr)
        return 2
    logs = scale.log_factors(config.tracking.scales, config.tracking.scale_step)
    unbiased = True
    for gap in GAPS:
        profiles, peaks, changes = (np.concatenate([one[gap][part] for one in found]) for part in range(3))
        mean, error = changes.mean(axis=0), changes.std(axis=0, ddof=1) / len(changes) ** 0.5
        relative = np.median(profiles / profiles[:, [len(PROFILE) // 2]], axis=0)
        print(f"gap {gap}, {len(profiles)} windows")
        print("  response " + "  ".join(f"{n:+d}: {value:.3f}" for n, value in zip(PROFILE, relative)))
        back = (mean[0] - mean[2]) / (WRONG[2] - WRONG[0])
        spread = f"spread {changes[:, 1].std():.2f}, half within {np.median(np.abs(changes[:, 1])):.2f}"
        print(f"  change {mean[1]:+.3f} ± {error[1]:.3f} steps, {spread}; takes back {back:.2f}")
        if len(logs) > 2:
            print(f"  tilt {scale.fitted_tilt(peaks, logs):.3f}")
        unbiased = unbiased and abs(mean[1]) <= ALLOWED
    return 0 if unbiased else 1


def measure(config: Config, weights: Path | None, sequence: Sequence, starts: int) -> Dict[int, List[np.ndarray]]:
    """By gap: largest responses of windows of PROFILE (N, 7) and of the rule's windows (N, S), and the changes in steps
    that the rule makes of boxes that are wrong by WRONG (N, 3).
    """
    tracker = Tracker(config, weights)
    boxes = sequence.pixel_boxes
    usable = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    firsts = np.unique(np.linspace(0, max(len(boxes) - 1 - max(GAPS), 0), starts).astype(int))
    needed = {int(first) + gap for first in firsts for gap in (0, *GAPS)}
    frames = {index: frame for index, frame in zip(range(len(boxes)), sequence.frames) if index in needed}
    logs = scale.log_factors(config.tracking.scales, config.tracking.scale_step)
    found: Dict[int, List] = {gap: [] for gap in GAPS}
    for first in firsts[usable[firsts]]:
        tracker.init(frames[first], boxes[first])
        for gap in GAPS:
            if first + gap < len(boxes) and usable[first + gap]:
                frame, box = frames[first + gap], boxes[first + gap]
                profile = peaks_of(tracker, frame, box, STEP * PROFILE)
                peaks = [peaks_of(tracker, frame, box, STEP * wrong + logs) for wrong in WRONG]
                if tracker.scale_filter is None:
                    changes = [scale.change(one, logs, config.tracking) for one in peaks]
                else:
                    wrong_boxes = [geometry.resized(box, float(np.exp(STEP * wrong))) for wrong in WRONG]
                    damping = config.tracking.scale_damping
                    changes = [damping * tracker.scale_filter.change(frame, one) for one in wrong_boxes]
                found[gap].append((profile, peaks[1], np.array(changes) / STEP))
    return {
        gap: [np.array([row[part] for row in rows]).reshape(len(rows), count) for part, count in enumerate(counts)]
        for counts in [(len(PROFILE), len(logs), len(WRONG))]
        for gap, rows in found.items()
    }


def peaks_of(tracker: Tracker, frame: np.ndarray, box: ListOf[float], logs: np.ndarray) -> np.ndarray:
    """Largest responses (S,) of windows exp(logs) as large as that of the box."""
    settings = tracker.config.tracking
    base = geometry.window_of(box, settings.padding, settings.window)
    return tracker.look(frame, [geometry.scaled(base, float(factor)) for factor in np.exp(logs)]).max(axis=(1, 2))


if __name__ == "__main__":
    sys.exit(main())
