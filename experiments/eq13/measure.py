"""Measure how far the backward pass that the paper prints (Eq. 13) is from the gradient of its loss (Eq. 12).

    python experiments/eq13/measure.py
    python experiments/eq13/measure.py --weights WEIGHTS.npz --video VIDEO --boxes BOXES.txt

Prints a markdown table: for each line of Eq. 13 its cosine with the exact gradient and the ratio of their norms, as
printed and with its first ẑ read as x̂ (mean and, in brackets, least and greatest over the draws); and the exact
gradient's own relative error against central differences (greatest over the draws). On random maps; with `--weights`
also on a network's maps of pairs of frames. Everything but the network is in float64.
"""

from __future__ import annotations

import argparse
import sys
from typing import Iterator, List, NamedTuple, Tuple

import numpy as np

from rar_gluon import geometry
from rar_gluon.common import InputError
from rar_gluon.config import Config, FilterConfig, load
from rar_gluon.data.frames import open_frames
from rar_gluon.data.sequence import read_boxes
from rar_gluon.filter.fourier import gaussian_label, hann_window
from rar_gluon.filter.layer import correlation_response, energy_scale
from rar_gluon.net.weights import load_network
from rar_gluon.table_text import markdown_table

from mxnet import autograd, nd  # isort: skip  (after rar_gluon, which sets its threads)

LINES = ("x", "z0", "zi")  # of Eq. 13: ∂L/∂φ(x), ∂L/∂φ(z0), ∂L/∂φ(zi)
COORDINATES = 8  # per map and draw, at which differences are taken
STEP = 1e-3  # of the differences, relative to the root mean square of the map


class Problem(NamedTuple):
    """One training pair's maps, float64."""

    x: np.ndarray  # (D, H, W)
    z0: np.ndarray  # (D, H, W)
    zi: np.ndarray  # (k, D, H, W)
    y: np.ndarray  # (H, W)


def random_problems(draws: int, seed: int, shifted: bool) -> Iterator[Problem]:
    """White maps, 8 channels of 31x31, 4 contexts; x as independent as the rest, or z0 moved by (2, 1) cells with noise
    of half its size.
    """
    rng = np.random.default_rng(seed)
    label = make_label(Config(), 31, 31)
    for _ in range(draws):
        x, z0, zi = (rng.normal(size=(*many, 8, 31, 31)) for many in ((), (), (4,)))
        if shifted:
            x = np.roll(z0, (2, 1), axis=(1, 2)) + 0.5 * x
        yield Problem(x, z0, zi, label)


def real_problems(config: Config, weights: str, video: str, boxes: str, draws: int, gap: int) -> Iterator[Problem]:
    """Windowed maps of pairs of frames `gap` apart, spread over the video, each centred on its target."""
    net = load_network(config, weights)
    rows = read_boxes(boxes)
    if len(rows) < draws + gap:
        raise InputError(f"{boxes} holds {len(rows)} boxes: {draws} draws of frames {gap} apart need {draws + gap}.")
    starts = np.linspace(0, len(rows) - 1 - gap, draws).astype(int)
    chosen = {*starts, *(starts + gap)}
    if not np.isfinite(rows[sorted(chosen)]).all():
        raise InputError(f"{boxes} has frames without the target among those measured: give another video or --draws.")
    frames = {index: frame for index, frame in enumerate(open_frames(video)) if index in chosen}
    if len(frames) < len(chosen):
        raise InputError(f"{video} has fewer frames than {boxes} has boxes: give the boxes of this video.")
    settings = config.tracking

    def represent(index: int, contexts: bool) -> np.ndarray:
        window = geometry.window_of(rows[index], settings.padding, settings.window)
        windows = [window, *(geometry.context_windows(window, rows[index]) if contexts else [])]
        patches = np.stack([geometry.crop(frames[index], one, settings.input_size) for one in windows])
        image = nd.array(patches.transpose(0, 3, 1, 2), dtype="float32")
        maps = net(image, *net.begin_state(image.shape))[0].asnumpy().astype(np.float64)
        return maps * hann_window(*maps.shape[2:])

    for start in starts:
        z0, *zi = represent(start, contexts=True)
        x = represent(start + gap, contexts=False)[0]
        yield Problem(x, z0, np.stack(zi), make_label(config, *x.shape[1:]))


def make_label(config: Config, height: int, width: int) -> np.ndarray:
    """Desired response, as the tracker makes it."""
    sigma = config.filter.label_sigma / (1 + config.tracking.padding)
    return gaussian_label(height, width, sigma * height, sigma * width)


def arrays(problem: Problem) -> List[nd.NDArray]:
    """(x, z0, zi, y) with the axes of batch and templates."""
    x, z0, zi, y = (nd.array(part, dtype="float64") for part in problem)
    return [x.expand_dims(0), z0.expand_dims(0).expand_dims(0), zi.expand_dims(0).expand_dims(0), y]


def loss_of(parts: List[nd.NDArray], options: dict) -> nd.NDArray:
    """Eq. 12."""
    return nd.square(nd.broadcast_sub(correlation_response(*parts, **options), parts[-1])).sum()


def gradients(problem: Problem, options: dict) -> List[np.ndarray]:
    """Of Eq. 12 with respect to x, z0 and zi, as the layer's backward gives them."""
    parts = arrays(problem)
    for part in parts[:3]:
        part.attach_grad()
    with autograd.record():
        loss = loss_of(parts, options)
    loss.backward()
    nd.waitall()
    return [part.grad.asnumpy().reshape(map_.shape) for part, map_ in zip(parts[:3], problem)]


def reread_gradients(problem: Problem, filter_: FilterConfig, denominator: str) -> List[np.ndarray]:
    """Eq. 13 with the first ẑ0 of its second line and the first ẑi of its third read as x̂."""
    x, z0, zi, y = (np.fft.fft2(part) for part in problem)
    e = energy_scale(*problem.x.shape, True)
    energy = np.abs(z0) ** 2 + filter_.lambda2 * (np.abs(zi) ** 2).sum(axis=0)
    if denominator == "summed":
        energy = energy.sum(axis=0)
    d = energy + filter_.lambda1 / e
    w = z0 * np.conj(y) / d
    error = (np.conj(w) * x).sum(axis=0) - y
    spectra = error * w, error * x * (y - w * z0) / d, -error * x * (w * zi) / d
    return [np.fft.ifft2(spectrum).real for spectrum in spectra]


def difference_errors(
    problem: Problem, exact: List[np.ndarray], options: dict, rng: np.random.Generator
) -> List[float]:
    """Relative error of the exact gradients at random coordinates, central differences being taken for true."""
    errors = []
    for which, (map_, gradient) in enumerate(zip(problem, exact)):
        step = STEP * np.sqrt(np.square(map_).mean())
        places = rng.choice(map_.size, COORDINATES, replace=False)
        differences = []
        for place in places:
            losses = []
            for sign in (1, -1):
                moved = map_.copy()
                moved.flat[place] += sign * step
                parts = arrays(Problem(*problem[:which], moved, *problem[which + 1 :]))
                losses.append(loss_of(parts, options).asscalar())
            differences.append((losses[0] - losses[1]) / (2 * step))
        errors.append(float(np.linalg.norm(gradient.flat[places] - differences) / np.linalg.norm(differences)))
    return errors


def agreement(printed: np.ndarray, exact: np.ndarray) -> Tuple[float, float]:
    """Cosine and ratio of norms."""
    norms = np.linalg.norm(printed), np.linalg.norm(exact)
    return (printed * exact).sum() / (norms[0] * norms[1]), norms[0] / norms[1]


def measure(problem: Problem, filter_: FilterConfig, denominator: str, rng: np.random.Generator) -> np.ndarray:
    """One draw, (3, 5): for each line cosine and ratio as printed, cosine and ratio reread, error of the exact one."""
    options = {
        "lambda1": filter_.lambda1,
        "lambda2": filter_.lambda2,
        "denominator": denominator,
    }
    exact = gradients(problem, options)
    printed = gradients(problem, {**options, "backward": "printed"})
    reread = reread_gradients(problem, filter_, denominator)
    errors = difference_errors(problem, exact, options, rng)
    return np.array(
        [
            [*agreement(as_printed, true), *agreement(as_reread, true), error]
            for as_printed, as_reread, true, error in zip(printed, reread, exact, errors)
        ]
    )


def table_rows(name: str, problems: List[Problem], filter_: FilterConfig, seed: int) -> Iterator[List[str]]:
    """Rows of the table for one kind of maps."""
    channels, height, width = problems[0].x.shape
    for denominator in ("summed", "per-channel"):
        rng = np.random.default_rng(seed)
        measured = np.stack([measure(problem, filter_, denominator, rng) for problem in problems])
        for line, draws in zip(LINES, measured.swapaxes(0, 1)):
            numbers = [spread(column) for column in draws.T[:4]]
            if line == "x":
                numbers[2:] = "", ""  # nothing to read otherwise
            yield [f"{name} {channels}×{height}×{width}", denominator, line, *numbers, f"{draws[:, 4].max():.0e}"]


def spread(values: np.ndarray) -> str:
    """`mean [least, greatest]`."""
    mean, least, greatest = (f"{round(value, 2) + 0.0:.2f}" for value in (values.mean(), values.min(), values.max()))
    return f"{mean} [{least}, {greatest}]"


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of the random maps and of the coordinates of differences")
    parser.add_argument("--draws", type=int, default=10, help="problems of each kind")
    parser.add_argument("--weights", help="weights file: measure on a network's maps too; needs --video and --boxes")
    parser.add_argument("--config", default="rar_thin", help="preset or YAML file that the weights belong to")
    parser.add_argument("--video", help="video file or folder of images")
    parser.add_argument("--boxes", help="boxes of the video's target, one x,y,w,h a frame")
    parser.add_argument("--gap", type=int, default=10, help="frames between template and search region")
    arguments = parser.parse_args()
    features = [arguments.weights, arguments.video, arguments.boxes]
    if any(features) and not all(features):
        parser.error("--weights, --video and --boxes go together.")
    try:
        if arguments.draws < 1 or arguments.gap < 1:
            raise InputError("--draws and --gap must be at least 1.")
        config = load(arguments.config)
        kinds = {
            "independent": list(random_problems(arguments.draws, arguments.seed, shifted=False)),
            "shifted": list(random_problems(arguments.draws, arguments.seed, shifted=True)),
        }
        if all(features):
            kinds["features"] = list(real_problems(config, *features, arguments.draws, arguments.gap))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    head = ["maps", "denominator", "line", "cosine", "norm ratio", "cosine, reread", "norm ratio, reread"]
    rows = [row for name, part in kinds.items() for row in table_rows(name, part, config.filter, arguments.seed)]
    print("\n".join(markdown_table([*head, "error of exact"], rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
