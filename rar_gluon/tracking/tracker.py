"""The online tracker of Sections 3.3 and 4.1: `init(frame, box)`, then `update(frame) -> box`."""

from __future__ import annotations

import copy
import functools
import os
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, List, Sequence, Tuple

import numpy as np

from rar_gluon import geometry
from rar_gluon.common import InputError
from rar_gluon.config import Config, load
from rar_gluon.data.frames import open_frames, to_bgr8
from rar_gluon.engine import Filter, check_runtime, open_engine
from rar_gluon.geometry import Box, Window
from rar_gluon.tracking.confidence import confidence
from rar_gluon.tracking.redetection import Redetection


@dataclass
class Target:
    """All that belongs to one target; `Tracker.init` makes it, `Tracker.update` moves it on."""

    box: Box
    frame_shape: Tuple[int, ...]
    state: List[Any]  # h and c of each level (Eq. 3), as the next frame will be seen with
    filter: Filter | None
    redetection: Redetection | None
    score: float = 0.0
    first_score: float = 0.0  # max g_1
    response: np.ndarray | None = None
    window: Window | None = None


class Tracker:
    """Tracks one target.

    Parameters
    ----------
    config : the configuration, a preset's name, or a YAML file.
    weights : a weights file, or a network that has its weights; for the runtime "onnx", a folder that `rar export`
        wrote; None: what ships with the package.
    ctx : the device, an `mx.Context`; default: the CPU. A network must be on it.
    filter : replaces the filter of Eq. 10-11 (`rar_gluon.engine.Filter`).
    runtime : "mxnet", or "onnx" for ONNX Runtime on the CPU, without MXNet; None: MXNet where it is installed.
    precision : "fp32", or "int8" for the backbone, of the runtime "onnx".

    Attributes
    ----------
    box : (x, y, w, h) of the last frame, pixels; None before `init`.
    response : (H, W) response of the chosen scale, no displacement at (0, 0); None before the first `update`.
    window : the search window that `response` covers.
    score : maximum of the response; about 1 on the first frame, less as the target changes.
    lost : whether the target was not seen in the last frame, so that its box stayed; never with `redetection` off.
    state : h and c of each level.
    net, weights : the network (None with the runtime "onnx"), and the file that its weights come from (None for a
        network that was passed in).
    runtime, precision : what computes, "mxnet" or "onnx", and how.

    Raises
    ------
    InputError
        The weights cannot be used, or the network has another configuration.

    Examples
    --------
    A picture of noise that does not move:

    >>> import numpy as np
    >>> import rar_gluon as rar
    >>> frame = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    >>> tracker = rar.Tracker("rar_thin")
    >>> tracker.init(frame, (50, 40, 36, 32))
    >>> x, y, w, h = tracker.update(frame)
    >>> abs(x - 50) < 1 and abs(y - 40) < 1
    True
    >>> tracker.response.shape
    (15, 15)
    """

    def __init__(
        self,
        config: str | os.PathLike | Config = "rar_thin",
        weights: Any = None,
        ctx: Any = None,
        filter: Filter | None = None,
        runtime: str | None = None,
        precision: str = "fp32",
    ):
        self.config = load(config)
        self.runtime, self.precision = check_runtime(runtime, precision), precision
        self._engine = open_engine(self.config, weights, ctx, self.runtime, precision)
        self.net, self.weights = self._engine.net, self._engine.weights
        self._filter = filter
        settings = self.config.tracking
        steps = np.arange(settings.scales) - settings.scales // 2
        self._factors = settings.scale_step**steps  # Section 4.1: scales a^s
        self._penalties = np.select(
            [steps < 0, steps > 0], [settings.scale_penalty, settings.scale_penalty_larger], 1.0
        )
        self._target: Target | None = None

    def __deepcopy__(self, memo: dict) -> Tracker:
        """A tracker with a target, and a filter, of its own; both use one network, which tracking does not change."""
        other = copy.copy(self)
        other._filter, other._target = copy.deepcopy((self._filter, self._target), memo)
        return other

    box = property(lambda self: self._target and self._target.box)
    response = property(lambda self: self._target and self._target.response)
    window = property(lambda self: self._target and self._target.window)
    score = property(lambda self: self._target.score if self._target else 0.0)
    state = property(lambda self: self._target.state if self._target else [])

    @property
    def lost(self) -> bool:
        """Whether the target was not seen in the last frame (redetection.py)."""
        return bool(self._target and self._target.redetection and self._target.redetection.lost)

    @property
    def confidence(self) -> float:
        """How likely the box is on the target, 0 to 1 (`confidence`)."""
        return confidence(self.score, *self._engine.confidence)

    def init(self, frame: np.ndarray, box: Sequence[float]) -> None:
        """Start on `frame` (H, W[, C]; grey, BGR or BGRA, 8 or 16 bits) with the target in `box`.

        Raises
        ------
        InputError
            The box has no size, is not four numbers, or has no part on the frame. The tracker stays as it was.
        """
        frame = to_bgr8(frame, first=True)
        stride, size = self.config.network.stride, self.config.tracking.input_size
        redetection = Redetection(stride, size) if self.config.tracking.redetection else None
        state = self._engine.begin_state()
        target = Target(geometry.check_box(box, frame.shape), frame.shape, state, self._filter, redetection)
        z0 = self._learn(target, frame, 1.0)  # Eq. 8-10 on the first frame
        target.score = target.first_score = float(np.nan_to_num(target.filter.respond(z0).max()))
        self._target = target

    def update(self, frame: np.ndarray) -> Box:
        """Locate the target on the next frame and learn from it; returns the box (x, y, w, h).

        In a search window of one colour the response and the score are 0, and the box stays (assumed: ours).

        Raises
        ------
        InputError
            No `init` before, or a frame of another size.
        """
        target, settings = self._target, self.config.tracking
        if target is None:
            raise InputError("the tracker has no target yet: call init(frame, box) before update(frame).")
        frame = to_bgr8(frame)
        if frame.shape != target.frame_shape:
            sizes = "the frame is {1}x{0} but the first was {3}x{2}".format(*frame.shape[:2], *target.frame_shape[:2])
            raise InputError(f"{sizes}: all frames of a sequence must have one size.")
        base = self._window(target)
        windows = [geometry.scaled(base, float(factor)) for factor in self._factors]
        responses = self._respond(target, frame, windows)  # Eq. 11 at each scale
        heights = responses.max(axis=(1, 2)) * self._penalties
        best = int(np.argmax(heights)) if heights.any() else len(windows) // 2  # the scale of the largest response
        response, window = responses[best], windows[best]
        if target.redetection is not None:
            look = functools.partial(self._respond, target, frame)
            response, window = target.redetection.search(response, window, base, frame.shape, look)
        target.response, target.window, target.score = response, window, float(response.max())
        if self.lost or not response.any():  # hidden, or a fade to black: nothing to locate or to learn
            return target.box
        moved = geometry.at_peak(window, response, self.config.network.stride, settings.input_size)  # below a cell
        box = geometry.resized(geometry.centred(target.box, moved), window.width / base.width)
        target.box = geometry.limited(box, frame.shape)
        rate = settings.learning_rate  # η, scaled by max g_t / max g_1
        if settings.adaptive_rate:
            rate = min(1.0, max(0.0, rate * target.score / max(target.first_score, 1e-6)))
        self._learn(target, frame, rate)
        return target.box

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
            self.update(frame) if number else self.init(frame, box)
            yield frame, self.box

    def _window(self, target: Target) -> Window:
        """Search window of the target's box (Section 4.1)."""
        return geometry.window_of(target.box, self.config.tracking.padding, self.config.tracking.window)

    def _respond(self, target: Target, frame: np.ndarray, windows: Sequence[Window]) -> np.ndarray:
        """Responses (S, H, W) of windows of a frame (Eq. 11); zeros where nothing can be located."""
        patches = geometry.crops(frame, windows, self.config.tracking.input_size)
        responses = target.filter.respond(self._engine.represent(patches, target.state))
        return responses if np.ptp(patches) > 0 and np.isfinite(responses).all() else np.zeros_like(responses)

    def _learn(self, target: Target, frame: np.ndarray, rate: float) -> Any:
        """Move state (Eq. 3) and filter (Eq. 10) to the target's box on a frame; returns z0 (1, D, H, W)."""
        window, size, settings = self._window(target), self.config.tracking.input_size, self.config.filter
        windows = [window]
        if settings.contexts and settings.context_source == "image":
            windows += geometry.context_windows(window, target.box)
        elif settings.contexts:  # one larger window, whose feature map holds template and contexts
            margin = geometry.context_margin(size, self.config.network.stride, self.config.tracking.padding)
            windows, size = [geometry.scaled(window, (size + 2 * margin) / size)], size + 2 * margin
        z0, zi, target.state = self._engine.represent_template(geometry.crops(frame, windows, size), target.state)
        if target.filter is None:
            target.filter = self._engine.new_filter(z0)
        target.filter.learn(z0[0], zi, rate)
        return z0
