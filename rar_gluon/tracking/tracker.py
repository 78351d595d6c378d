"""The online tracker of Section 3.3: `init(frame, box)`, then `update(frame) -> box`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterable, Iterator, List, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet import nd

from rar_gluon.common import InputError
from rar_gluon.config import Config, load
from rar_gluon.data.frames import open_frames, to_bgr8
from rar_gluon.filter.layer import OnlineFilter, desired_response
from rar_gluon.net.inference import InferenceNetwork
from rar_gluon.net.rar import RAR, pad_state, to_images
from rar_gluon.net.weights import SHIPPED, load_network
from rar_gluon.tracking import geometry, scale
from rar_gluon.tracking.geometry import Box, Window
from rar_gluon.tracking.scale_filter import ScaleFilter


class Tracker:
    """Tracks one target.

    Parameters
    ----------
    config : the whole configuration; or a preset's name or a YAML file, that is loaded.
    weights : a weights file; None: those that ship with the package; or a network that has its weights already.
    ctx : device, default the CPU; a given network must be on it.
    filter : an object in place of `OnlineFilter`, with its methods `learn` and `respond`; learning at rate 1 must begin
        anew, for the next target.

    Raises
    ------
    InputError
        Unusable weights (`rar_gluon.net.weights.load_network`), or a network of another configuration.

    Attributes
    ----------
    box : (x, y, w, h) of the last frame, pixels of the frame.
    response : (H, W) response of the chosen scale, no displacement at (0, 0); None before the first update.
    window : the window of the frame that `response` covers.
    net : the network.
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
    ):
        config = config if isinstance(config, Config) else load(config)
        self.config, self.ctx, self._given_filter = config, ctx or mx.cpu(), filter
        given = isinstance(weights, RAR)
        net = weights if given else load_network(config, weights, self.ctx)
        self.weights = None if given else Path(weights or SHIPPED)
        if net.config != config.network:
            raise InputError("the network was built for another configuration than the tracker's: give both the same.")
        self.net, self.state = net, []
        self._inference = InferenceNetwork(net)
        self._logs = scale.log_factors(config.tracking.scales, config.tracking.scale_step)
        self._scale_filter = ScaleFilter(config.tracking) if config.tracking.scale_rule == "filter" else None
        self.box: Box | None = None
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
        self.box, self._shape = check_box(box, frame.shape), frame.shape
        size = self.config.tracking.input_size
        self.state = self.net.begin_state((1, 3, size, size), self.ctx)
        self._filter, self.response, self.window = self._given_filter, None, None
        z0 = self._learn(frame, 1.0)
        if self._scale_filter is not None:
            self._scale_filter.start(frame, self.box)
        self.score = self._first_score = float(self._filter.respond(z0).max())

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
        responses, windows = self.look(frame, self.box, self._logs)
        if not responses.any():  # a fade to black: nothing to find or to learn
            self.response, self.window = responses[0], windows[len(windows) // 2]  # of this frame, though empty
            self.score = 0.0
            return self.box
        change = scale.change(responses.max(axis=(1, 2)), self._logs, settings)
        best = int(np.argmin(np.abs(self._logs - change)))
        self.response, self.window = responses[best], windows[best]
        self.score = float(self.response.max())

        cells = geometry.peak(self.response)
        stride = self.config.network.stride
        box = geometry.displaced(self.box, cells, stride, windows[best], settings.input_size)
        if self._scale_filter is not None:
            change = settings.scale_damping * self._scale_filter.change(frame, box)
        box = geometry.resized(box, float(np.exp(change)))
        self.box = geometry.limited(box, frame.shape, settings.min_side)

        rate = settings.learning_rate  # η, scaled by max g_t / max g_1
        if settings.adaptive_rate:
            rate = min(1.0, max(0.0, rate * self.score / self._first_score))
        self._learn(frame, rate)
        if self._scale_filter is not None:
            self._scale_filter.learn(frame, self.box, settings.scale_rate)
        return self.box

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

    def look(self, frame: np.ndarray, box: Box, logs: np.ndarray) -> Tuple[np.ndarray, List[Window]]:
        """Responses (S, H, W) of windows about `box`, exp(logs) as large as its own, and these windows.

        Changes nothing of the tracker. Where all windows are of one value there is nothing to find: zeros.
        """
        settings = self.config.tracking
        base = geometry.window_of(box, settings.padding, settings.window)
        windows = [geometry.scaled(base, float(factor)) for factor in np.exp(logs)]
        patches = _crops(frame, windows, settings.input_size)
        x, _ = self._represent(patches, self.state)
        responses = self._filter.respond(x)
        return responses if np.ptp(patches) > 0 else np.zeros_like(responses), windows

    def _learn(self, frame: np.ndarray, rate: float) -> nd.NDArray:
        """Update state and filter (Eq. 10) on the target of `self.box`; returns its representation (1, D, H, W)."""
        settings, size = self.config.tracking, self.config.tracking.input_size
        window = geometry.window_of(self.box, settings.padding, settings.window)
        if self.config.filter.contexts == 0:
            z, self.state = self._represent(_crops(frame, [window], size), self.state)
            z0, zi = z, None
        elif self.config.filter.context_source == "image":
            windows = [window, *geometry.context_windows(window, self.box)]
            z, state = self._represent(_crops(frame, windows, size), self.state)
            self.state = [part[:1] for part in state]  # only the target-centred patch moves the state
            z0, zi = z[:1], z[1:]
        else:
            z0, zi = self._template_and_contexts(frame, window)
        if self._filter is None:
            y = desired_response(self.config.filter, settings.padding, *z0.shape[2:])
            self._filter = OnlineFilter(self.config.filter, y, self.ctx)
        self._filter.learn(z0[0], zi, rate)
        return z0

    def _template_and_contexts(self, frame: np.ndarray, window: Window):
        """z0 (1, D, H, W) and zi (k, D, H, W) cut from the feature map of one larger window; moves the state."""
        network, size = self.config.network, self.config.tracking.input_size
        pixels = geometry.context_margin(size, network.stride, self.config.tracking.padding)
        state = pad_state(self.state, pixels, self.net.strides)
        larger = geometry.scaled(window, (size + 2 * pixels) / size)
        z, state = self._represent(_crops(frame, [larger], size + 2 * pixels), state)
        self.state = pad_state(state, -pixels, self.net.strides)
        z0, zi = geometry.split_contexts(z[0], z.shape[-1] - 2 * pixels // network.stride)
        return z0.expand_dims(0), nd.stack(*zi)

    def _represent(self, patches: np.ndarray, state: List[nd.NDArray]):
        """Representation (n, D, H, W) and new state of patches (n, S, S, 3) of one frame, all from one state."""
        state = [nd.broadcast_axis(part, axis=0, size=len(patches)) for part in state]
        representation, *new_state = self._inference(to_images(patches, self.ctx), *state)
        return representation, new_state


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
