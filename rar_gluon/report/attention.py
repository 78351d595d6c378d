"""Figs. 1, 2 and 4: feature maps of the levels, attention maps and response on a real frame."""

from __future__ import annotations

import os
from typing import Dict, List, Sequence, Tuple

import cv2
import mxnet as mx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rar_gluon import geometry
from rar_gluon.common import InputError, atomic_path, check_outputs, output_path
from rar_gluon.data.frames import open_frames, to_bgr8
from rar_gluon.net.rar import RAR, to_images
from rar_gluon.report.overlay import draw_box, response_picture
from rar_gluon.report.plots import check_picture_name
from rar_gluon.tracking.tracker import Tracker

STEP = 10  # frames from the first to the one that is shown


def level_maps(net: RAR, image: mx.nd.NDArray, state: Sequence[mx.nd.NDArray]) -> Dict[str, Tuple[np.ndarray, ...]]:
    """Maps (H, W) of each level for an image (1, 3, S, S): φ, hˢ, Ψˢ and φᵃ (Eq. 4, 6 and 7), as Fig. 4 shows them.

    Features are the mean of their magnitude over the channels; an attention that the network lacks is a map of ones.
    """
    config, maps = net.config, {}
    for index, (level, phi) in enumerate(zip(config.levels, net.backbone(image))):
        attention = getattr(net, f"attention_{level}")
        hidden = state[2 * index : 2 * index + 2] if net.recurrent else ()
        output = attention(phi, *hidden)
        attended, h = (output[0], output[1]) if net.recurrent else (output, None)
        inter = intra = np.ones(phi.shape[2:], np.float32)
        if attention.spatial is not None:  # hˢ is of the current frame's h (Eq. 4)
            current = () if attention.w_hs is None else (mx.nd.sigmoid(attention.w_hs(h)),)
            intra = attention.spatial(phi, *current)[0, 0].asnumpy()
            inter = current[0][0, 0].asnumpy() if current else inter
        maps[level] = (magnitude(phi), inter, intra, magnitude(attended))
    return maps


def magnitude(phi: mx.nd.NDArray) -> np.ndarray:
    """Mean magnitude over the channels of features (1, C, H, W), as (H, W)."""
    return mx.nd.mean(mx.nd.abs(phi), axis=1)[0].asnumpy()


def attention_figure(tracker: Tracker, frames: Sequence[np.ndarray], box: Sequence[float]) -> Figure:
    """Track `box` from the first of `frames` to the last, and draw the last one's search window, maps and response."""
    frames = [to_bgr8(frame) for frame in frames]
    tracker.init(frames[0], box)
    for frame in frames[1:-1]:
        tracker.update(frame)
    state = tracker.state  # that the last frame is seen with
    tracker.update(frames[-1])
    size = tracker.config.tracking.input_size
    patch = geometry.crop(frames[-1], tracker.window, size)
    maps = level_maps(tracker.net, to_images(patch[None], tracker.net.ctx), state)

    picture = draw_box(patch.copy(), geometry.to_crop(tracker.box, tracker.window, size), (0, 255, 255), 1)
    figure = Figure(figsize=(12, 2.9 * (len(maps) + 1)), layout="constrained")
    grid = figure.subplots(len(maps) + 1, 4, squeeze=False)
    show(grid[0][0], picture[..., ::-1], f"frame {len(frames) - 1}: search window and box")
    show(grid[0][1], response_picture(tracker.response, size)[..., ::-1], f"response, maximum {tracker.score:.2f}")
    for axis in grid[0][2:]:
        axis.axis("off")
    heads = ("|φ|", "inter-frame hˢ", "intra-frame Ψˢ", "|φᵃ|")
    for axes, (level, parts) in zip(grid[1:], maps.items()):
        for axis, head, part in zip(axes, heads, parts):
            low, high = float(part.min()), float(part.max())
            show(axis, over(patch, part), f"{level} {head}, {part.shape[0]}x{part.shape[1]}, {low:.3g} to {high:.3g}")
    return figure


def over(patch: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Patch (S, S, 3) BGR with a map (H, W), stretched from its least to its greatest, in colours over it; RGB."""
    return cv2.addWeighted(patch, 0.4, in_colours(values, patch.shape[:2]), 0.6, 0)[..., ::-1]


def in_colours(values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Map (h, w), stretched from its least to its greatest, as a picture of `shape` (H, W); BGR uint8."""
    spread = float(values.max() - values.min())
    scaled = (values - values.min()) / spread if spread > 1e-6 * abs(float(values.max())) else np.zeros_like(values)
    large = cv2.resize(scaled.astype(np.float32), tuple(shape[::-1]), interpolation=cv2.INTER_NEAREST)
    return cv2.applyColorMap((large * 255).astype(np.uint8), cv2.COLORMAP_JET)


def show(axis: Axes, picture: np.ndarray, title: str) -> None:
    """Draw a picture, RGB, without axes."""
    axis.imshow(picture)
    axis.set_title(title, fontsize=9, loc="left")
    axis.axis("off")


def draw_attention(
    tracker: Tracker,
    source: str | os.PathLike,
    box: Sequence[float],
    output: str | os.PathLike,
    frame: int = STEP,
) -> None:
    """Draw `attention_figure` of frame number `frame` of a video or folder of images into `output` (.png, .pdf).

    Raises
    ------
    InputError
        The video cannot be read or is shorter; the box is none.
    """
    check_outputs([output], open_frames(source).paths if os.path.isdir(source) else [source])
    check_picture_name(output)
    output_path(output)
    if frame < 1:
        raise InputError(f"--frame is {frame}, but the first frame that is searched is 1.")
    frames: List[np.ndarray] = []
    for picture in open_frames(source):
        frames.append(picture)
        if len(frames) > frame:
            break
    if len(frames) <= frame:
        raise InputError(f"{source} has {len(frames)} frames: give --frame below that.")
    figure = attention_figure(tracker, frames, box)
    with atomic_path(output) as temporary:
        figure.savefig(temporary, dpi=110)
