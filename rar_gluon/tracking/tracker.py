"""The online tracker of Section 3.3: `init(frame, box)`, then `update(frame) -> box`."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, Iterable, Iterator, List, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet import nd

from rar_gluon.common import InputError
from rar_gluon.config import Config, TrackingConfig, load, with_tracking
from rar_gluon.data.frames import open_frames, to_bgr8
from rar_gluon.filter.fourier import gaussian_label
from rar_gluon.filter.layer import OnlineFilter, template_label
from rar_gluon.net.box_head import load_head
from rar_gluon.net.export import OnnxNetwork
from rar_gluon.net.inference import InferenceNetwork
from rar_gluon.net.rar import RAR, pad_state, to_images
from rar_gluon.net.weights import SHIPPED, load_network, read_ranges
from rar_gluon.tracking import geometry, scale
from rar_gluon.tracking.box_refinement import BoxRefinement
from rar_gluon.tracking.geometry import Box, Window
from rar_gluon.tracking.scale_filter import ScaleFilter

NETWORKS = {"mxnet": InferenceNetwork, "onnx": OnnxNetwork}  # of tracking.runtime
SCORE_RATE = 0.05  # of the mean score that a frame's is compared with: twenty frames
LOOKS = 8  # windows beside the last one that are looked at in a frame where the target is lost


class Tracker:
    """Tracks one target.

    Parameters
    ----------
    config : the whole configuration; or a preset's name or a YAML file, that is loaded.
    weights : a weights file; None: those that ship with the package; or a network that has its weights already.
    ctx : device, default the CPU; a given network must be on it.
    filter : an object in place of `OnlineFilter`, with its methods `learn` and `respond`; learning at rate 1 must begin
        anew, for the next target.
    runtime : instead of the configuration's: "mxnet", or "onnx", ONNX Runtime on the CPU (docs/usage.md).

    Raises
    ------
    InputError
        Unusable weights (`rar_gluon.net.weights.load_network`), or a network of another configuration.

    Attributes
    ----------
    box : (x, y, w, h) of the last frame, pixels of the frame.
    followed : the box that windows are cut for: the first one's aspect, and the size that the filter sees. Another one
        than `box` where a box head judges sides: a box that comes to be too small, and the window with it, would lose
        a fast target.
    response : (H, W) response of the chosen scale, no displacement at (0, 0); None before the first update.
    window : the window of the frame that `response` covers.
    net : the network.
    scale_filter : the filter over scales, None with another `scale_rule`.
    box_refinement : what corrects boxes by the first frame's; None with a `box_rate` of 0, or without a box head beside
        the weights.
    weights : the file that its weights are of; None for a given network.
    state : h and c of each level, as the next frame will be seen with.
    score : maximum of the response; about 1 on the frame the filter was learned from, less as the target changes.
    """

    def __init__(
        self,
        config: str | os.PathLike | Config = "rar_thin",
        weights: str | os.PathLike | RAR | None = None,
        ctx: mx.Context | None = None,
        filter: Any = None,
        runtime: str | None = None,
    ):
        config = with_tracking(load(config), runtime=runtime)
        self.config, self.ctx, self._given_filter = config, ctx or mx.cpu(), filter
        given = isinstance(weights, RAR)
        net = weights if given else load_network(config, weights, self.ctx)
        self.weights = None if given else Path(weights or SHIPPED)
        if net.config != config.network:
            raise InputError("the network was built for another configuration than the tracker's: give both the same.")
        self.net, self.state = net, []
        precision = config.tracking.precision
        ranges = read_ranges(self.weights) if precision == "int8" else None
        self._inference = NETWORKS[config.tracking.runtime](net, precision, ranges)
        self._logs = scale.log_factors(config.tracking.scales, config.tracking.scale_step)
        self.scale_filter = ScaleFilter(config.tracking) if config.tracking.scale_rule == "filter" else None
        self.box_refinement = self._box_refinement()
        self.box: Box | None = None
        self.followed: Box | None = None
        self.window: Window | None = None
        self.response: np.ndarray | None = None
        self.score = 0.0

    def init(self, frame: np.ndarray, box: Sequence[float]) -> None:
        """Start on `frame` (H, W[, C]; grey, BGR or BGRA, 8 or 16 bits) with the target in `box`.

        Raises
        ------
        InputError
            The box has no size, is not four numbers, or has no part on the frame.
        """
        frame = to_bgr8(frame, first=True)
        self.box = self.followed = check_box(box, frame.shape)
        self._shape = frame.shape
        size = self.config.tracking.input_size
        self.state = self.net.begin_state((1, 3, size, size), self.ctx)
        self._filter, self.response, self.window = self._given_filter, None, None
        if self.box_refinement is not None:
            self.box_refinement.start(frame, self.box)
        z0 = self._learn(frame, 1.0)
        if self.scale_filter is not None:
            self.scale_filter.start(frame, self.box)
        self.score = self._first_score = float(np.nan_to_num(self._filter.respond(z0).max()))
        self._mean_score: float | None = None  # of the frames since: on its own frame a filter scores far higher
        self._unlearned = self._updates = self._missed = 0

    def update(self, frame: np.ndarray) -> Box:
        """Find the target on the next frame and adapt to it; returns the box (x, y, w, h).

        Where the search window is of one value the box stays, with a response and a score of 0 (assumed: ours).

        Raises
        ------
        InputError
            No `init` before, or a frame of another size.
        """
        if self.box is None:
            raise InputError("the tracker has no target yet: call init(frame, box) before update(frame).")
        frame = to_bgr8(frame)
        if frame.shape != self._shape:
            (height, width), (old_height, old_width) = frame.shape[:2], self._shape[:2]
            raise InputError(
                f"the frame is {width}x{height} but the first was {old_width}x{old_height}: "
                "all frames of a sequence must have one size."
            )
        settings = self.config.tracking
        base = self._window_of(self.followed)
        logs = self._logs if self._updates % settings.scale_every == 0 else np.zeros(1)
        self._updates += 1
        windows = [geometry.scaled(base, float(factor)) for factor in np.exp(logs)]
        responses = self.look(frame, windows)
        if not responses.any():  # a fade to black: nothing to find or to learn
            self.response, self.window, self.score = responses[0], base, 0.0  # of this frame, though empty
            return self.box
        change = scale.change(responses.max(axis=(1, 2)), logs, settings)
        best = int(np.argmin(np.abs(logs - change)))
        response, window = responses[best], windows[best]
        if self._mean_score is None:
            self._mean_score = float(response.max())
        if self._is_target(response):
            self._missed = 0
        else:
            self._missed += 1
            change = 0.0  # of something else
            response, window = self._search(frame, base) or (response, window)
        self.response, self.window = response, window
        self.score = float(response.max())

        cells = geometry.peak(response)
        box = geometry.centred(self.followed, window)
        box = geometry.displaced(box, cells, self.config.network.stride, window, settings.input_size)
        if self.scale_filter is not None and not self._missed:
            change = settings.scale_damping * self.scale_filter.change(frame, box)
        box = geometry.resized(box, float(np.exp(change)))
        self.followed = geometry.limited(box, frame.shape, settings.min_side)
        self.box = self._judged(frame, change)
        if not self._missed:
            self._adapt(frame)
        return self.box

    def _judged(self, frame: np.ndarray, change: float) -> Box:
        """The box that is followed, or about its middle the last one, its sides changed as the head sees them."""
        if self.box_refinement is None:
            return self.followed
        settings = self.config.tracking
        box = geometry.resized(geometry.centred(self.box, self._window_of(self.followed)), float(np.exp(change)))
        if not self._missed and self._updates % settings.box_every == 0:  # of both 2: never with all scales
            box = self.box_refinement.refined(frame, box, compounded(settings.box_rate, settings.box_every))
        return geometry.limited(box, frame.shape, settings.min_side)

    def _is_target(self, response: np.ndarray) -> bool:
        """Whether a response is high enough, for one that was seen in the last frame or for one that is lost."""
        settings = self.config.tracking
        part = max(settings.lost_below, settings.found_above if self._missed else 0.0)
        return bool(response.max() >= part * self._mean_score)

    def _search(self, frame: np.ndarray, base: Window) -> Tuple[np.ndarray, Window] | None:
        """Response and window of a lost target that is in one of the next `LOOKS` windows beside its last one."""
        windows = geometry.beside(base, frame.shape)
        if not windows:
            return None
        first = (self._missed - 1) * LOOKS % len(windows)
        windows = windows[first : first + LOOKS]
        responses = self.look(frame, windows)
        best = int(np.argmax(responses.max(axis=(1, 2))))
        if not self._is_target(responses[best]):
            return None
        self._missed = 0
        return responses[best], windows[best]

    def _adapt(self, frame: np.ndarray) -> None:
        """Learn the target of `self.followed`, unless the score says that it is something else."""
        settings = self.config.tracking
        known = self.score >= settings.learn_above * self._mean_score
        self._mean_score += SCORE_RATE * (self.score - self._mean_score)
        self._unlearned += 1
        if known and self._unlearned >= settings.learn_every:
            rate = settings.learning_rate  # η, scaled by max g_t / max g_1
            if settings.adaptive_rate:
                rate = min(1.0, max(0.0, rate * self.score / max(self._first_score, 1e-6)))
            self._learn(frame, compounded(rate, settings.learn_every))
            self._unlearned = 0
        if known and self.scale_filter is not None:
            self.scale_filter.learn(frame, self.followed, settings.scale_rate)

    def track(
        self, source: str | os.PathLike | int | Iterable[np.ndarray], box: Sequence[float]
    ) -> Iterator[Tuple[np.ndarray, Box]]:
        """Follow the target of `box` through a folder of images, a video file, a camera's number, or any frames.

        Yields
        ------
        Each frame with the box on it, the first with `box` itself.
        """
        frames = open_frames(source) if isinstance(source, (str, os.PathLike, int)) else source
        for number, frame in enumerate(frames):
            if number == 0:
                self.init(frame, box)
            else:
                self.update(frame)
            yield frame, self.box

    @property
    def confidence(self) -> float:
        """How likely the box is on the target, 0 to 1 (`confidence`)."""
        return confidence(self.score, self.config.tracking)

    def look(self, frame: np.ndarray, windows: Sequence[Window]) -> np.ndarray:
        """Responses (S, H, W) of windows of a frame; changes nothing of the tracker.

        Where all windows are of one value, or no number comes out, there is nothing to find: zeros.
        """
        patches = _crops(frame, windows, self.config.tracking.input_size)
        x, _ = self._represent(patches, self.state)
        responses = self._filter.respond(x)
        found = np.ptp(patches) > 0 and np.isfinite(responses).all()
        return responses if found else np.zeros_like(responses)

    def _box_refinement(self) -> BoxRefinement | None:
        """What corrects boxes, if the configuration wants it and a head for the network's weights is there."""
        settings = self.config.tracking
        if settings.box_rate == 0 or self.weights is None:
            return None
        head = load_head(self.weights, self.ctx)
        if head is None:
            return None

        def represent(frame: np.ndarray, window: Window, state: List[nd.NDArray] | None):
            state = self.net.begin_state((1, 3, head.size, head.size), self.ctx) if state is None else state
            return self._represent(_crops(frame, [window], head.size), state)

        return BoxRefinement(head, represent)

    def _window_of(self, box: Box) -> Window:
        return geometry.window_of(box, self.config.tracking.padding, self.config.tracking.window)

    def _learn(self, frame: np.ndarray, rate: float) -> nd.NDArray:
        """Update state and filter (Eq. 10) on the target that is followed; returns its representation (1, D, H, W)."""
        settings, size = self.config.tracking, self.config.tracking.input_size
        window = self._window_of(self.followed)
        if self.config.filter.contexts == 0:
            z, self.state = self._represent(_crops(frame, [window], size), self.state)
            z0, zi = z, None
        elif self.config.filter.context_source == "image":
            windows = [window, *geometry.context_windows(window, self.followed)]
            z, state = self._represent(_crops(frame, windows, size), self.state)
            self.state = [part[:1] for part in state]  # only the target-centred patch moves the state
            z0, zi = z[:1], z[1:]
        else:
            z0, zi = self._template_and_contexts(frame, window)
        if self._filter is None:
            y = template_label(self.config.filter, settings.padding, *z0.shape[1:])
            self._filter = OnlineFilter(self.config.filter, y, self.ctx)
        seen = z0[0]
        if settings.template_sigma > 0:
            seen = nd.broadcast_mul(seen, nd.array(self._seen_through(window, *seen.shape[1:]), ctx=self.ctx))
        self._filter.learn(seen, zi, rate)
        return z0

    def _seen_through(self, window: Window, height: int, width: int) -> np.ndarray:
        """Gaussian (height, width) about the middle, its σ `template_sigma` of the target's own height and width."""
        sides = geometry.sides_in_cells(self.followed, window, height)
        sigma = (self.config.tracking.template_sigma * side for side in sides)
        return gaussian_label(height, width, *sigma, centre=((height - 1) / 2, (width - 1) / 2))

    def _template_and_contexts(self, frame: np.ndarray, window: Window):
        """z0 (1, D, H, W) and zi (k, D, H, W) cut from the feature map of one larger window; moves the state."""
        network, size = self.config.network, self.config.tracking.input_size
        pixels = geometry.context_margin(size, network.stride, self.config.tracking.padding)
        state = pad_state(self.state, pixels, self.net.strides)
        larger = geometry.scaled(window, (size + 2 * pixels) / size)
        z, state = self._represent(_crops(frame, [larger], size + 2 * pixels), state)
        self.state = pad_state(state, -pixels, self.net.strides)
        cells = z.shape[-1] - 2 * pixels // network.stride
        distance = None
        if self.config.filter.context_distance == "target":
            distance = geometry.sides_in_cells(self.followed, window, cells)
        z0, zi = geometry.split_contexts(z[0], cells, distance)
        return z0.expand_dims(0), nd.stack(*zi)

    def _represent(self, patches: np.ndarray, state: List[nd.NDArray]):
        """Representation (n, D, H, W) and new state of patches (n, S, S, 3) of one frame, all from one state."""
        state = [nd.broadcast_axis(part, axis=0, size=len(patches)) for part in state]
        representation, *new_state = self._inference(to_images(patches, self.ctx), *state)
        return representation, new_state


def compounded(rate: float, frames: int) -> float:
    """The rate of one step that goes as far as `frames` steps of `rate`."""
    return 1 - (1 - rate) ** frames


def confidence(score: float, settings: TrackingConfig) -> float:
    """Part of the frames with this score that are on their target (overlap .2 or more), as on the sequences that
    recipes/rar_thin/calibrate.py was run on; 0 for a score that is none.
    """
    if not score > 0:
        return 0.0
    return 1 / (1 + math.exp(min(settings.confidence_slope * math.log(settings.confidence_half / score), 700.0)))


def _crops(frame: np.ndarray, windows: Sequence[Window], size: int) -> np.ndarray:
    """Patches (n, size, size, 3) of windows of a frame."""
    return np.stack([geometry.crop(frame, window, size) for window in windows])


def check_box(box: Sequence[float], frame_shape: Sequence[int]) -> Box:
    """Return a target's box as four floats, or raise `InputError` saying what is wrong with it."""
    try:
        values = np.asarray(box, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (4,) or not np.all(np.isfinite(values)):
        raise InputError(f"the box {box!r} must be four finite numbers: x,y,w,h.")
    x, y, w, h = (float(value) for value in values)
    height, width = frame_shape[:2]
    shown = ",".join(f"{value:g}" for value in values)
    if w <= 0 or h <= 0:
        raise InputError(f"the box {shown} has no size: width and height must be above 0.")
    if x >= width or y >= height or x + w <= 0 or y + h <= 0:
        raise InputError(f"the box {shown} lies outside the frame of {width}x{height}: give one that touches it.")
    return x, y, w, h
