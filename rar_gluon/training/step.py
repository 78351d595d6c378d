"""One training step's arithmetic: clips to responses (Eq. 3-11) and their loss (Eq. 12)."""

from __future__ import annotations

from typing import List, NamedTuple, Tuple

import mxnet as mx
import numpy as np
from mxnet import nd

from rar_gluon import geometry
from rar_gluon.config import Config
from rar_gluon.data.clips import Clip
from rar_gluon.filter.fourier import hann_window
from rar_gluon.filter.layer import correlation_response, desired_response, template_label
from rar_gluon.net.inference import InferenceNetwork
from rar_gluon.net.rar import RAR, pad_state, to_images


class Batch(NamedTuple):
    """Clips on a device: T templates (B, 1 + k, 3, S, S) and search (B, 3, S, S) float32; desired (B, H, W)."""

    templates: List[nd.NDArray]
    search: nd.NDArray
    desired: nd.NDArray


def to_batch(clips: Clip, cells: Tuple[int, int], config: Config, ctx: mx.Context) -> Batch:
    """Put stacked clips on a device; `cells` (H, W) are the representation's."""
    settings, stride = (config.filter, config.tracking.padding), config.network.stride
    desired = [
        present * desired_response(*settings, *cells, tuple(shift / stride))
        for shift, present in zip(clips.shift, clips.present)
    ]
    templates = [to_images(clips.templates[:, t], ctx) for t in range(clips.templates.shape[1])]
    return Batch(templates, to_images(clips.search, ctx), nd.array(np.stack(desired), ctx=ctx))


def responses(net: RAR | InferenceNetwork, batch: Batch, config: Config) -> nd.NDArray:
    """Responses g (B, H, W): the state runs from zero through the T templates to the search region (Section 3.2)."""
    ctx, settings = batch.search.context, config.filter
    state = net.begin_state(batch.search.shape, ctx)
    z0, zi = [], []
    for images in batch.templates:
        template, contexts, state = _template(net, images, state, config)
        z0.append(template)
        zi.append(contexts)
    x, *_ = net(batch.search, *state)
    cells = x.shape[2:]
    hann = nd.array(hann_window(*cells), ctx=ctx)
    z0 = nd.broadcast_mul(nd.stack(*z0, axis=1), hann)
    zi = None if zi[0] is None else nd.broadcast_mul(nd.stack(*zi, axis=1), hann)
    if not settings.template_gradient:  # TDCF of Table 4: the filter is a constant
        z0, zi = z0.detach(), None if zi is None else zi.detach()
    return correlation_response(
        nd.broadcast_mul(x, hann),
        z0,
        zi,
        nd.array(template_label(settings, config.tracking.padding, *x.shape[1:]), ctx=ctx),
        lambda1=settings.lambda1,
        lambda2=settings.lambda2,
        denominator=settings.denominator,
        backward=settings.backward,
    )


def loss(response: nd.NDArray, desired: nd.NDArray) -> nd.NDArray:
    """L = ‖g - y‖² of each clip, (B,)  (Eq. 12)."""
    return nd.sum(nd.square(response - desired), axis=(1, 2))


def representation_cells(net: RAR, config: Config) -> Tuple[int, int]:
    """Height and width of the representation of a search region."""
    shape = (1, 3, config.tracking.input_size, config.tracking.input_size)
    ctx = net.ctx
    x, *_ = net(nd.zeros(shape, ctx=ctx), *net.begin_state(shape, ctx))
    return x.shape[2:]


def _template(net: RAR | InferenceNetwork, images: nd.NDArray, state: List[nd.NDArray], config: Config):
    """Template z0 (B, D, H, W), contexts zi (B, k, D, H, W) or None, and new state, of images (B, 1 + k, 3, S, S).

    Only the target-centred patch moves the state, as in `Tracker`.
    """
    batch, patches, _, size, _ = images.shape
    contexts = config.filter.contexts
    if contexts and config.filter.context_source == "feature":
        pixels, strides = (size - config.tracking.input_size) // 2, net.strides
        z, *state = net(images[:, 0], *pad_state(state, pixels, strides))
        z0, zi = geometry.split_contexts(z, z.shape[-1] - 2 * pixels // config.network.stride)
        return z0, nd.stack(*zi, axis=1), pad_state(state, -pixels, strides)
    state = [nd.repeat(part, patches, axis=0) for part in state]
    z, *state = net(images.reshape((-1, 3, size, size)), *state)
    z = z.reshape((batch, patches, *z.shape[1:]))
    state = [part.reshape((batch, patches, *part.shape[1:]))[:, 0] for part in state]
    return z[:, 0], z[:, 1:] if contexts else None, state
