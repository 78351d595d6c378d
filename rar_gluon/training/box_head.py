"""Training of a box head: what the network sees of pairs, computed once, and the fit to it."""

from __future__ import annotations

from typing import Any, Callable, Dict, NamedTuple, Sequence

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd

from rar_gluon.net.box_head import BoxHead, correlation_volume
from rar_gluon.net.rar import RAR, to_images
from rar_gluon.training.box_pairs import BoxPair

FIT_BATCH = 32
LEARNING_RATE = 1e-3  # of Adam, falling to none as a cosine
WEIGHT_DECAY = 1e-4
LIMIT = 0.6  # changes beyond it count as it: rare, and hardly to be seen in a window that shows two sizes


class Seen(NamedTuple):
    """volumes (N, 25, H, W) float16 of pairs, changes (N, 2) float32 that are to be said of them."""

    volumes: np.ndarray
    changes: np.ndarray


def see(net: RAR, compute: Callable[..., Sequence[nd.NDArray]], pairs: Sequence[BoxPair]) -> Seen:
    """What a head is given of pairs, each from the network's state at its start, as in tracking.

    `compute` is the network, or what computes it (`net.inference.InferenceNetwork`, `net.export.OnnxNetwork`).
    """
    templates, searches = (to_images(np.stack(part), net.ctx) for part in list(zip(*pairs))[:2])
    z, *state = compute(templates, *net.begin_state(templates.shape, net.ctx))
    x, *_ = compute(searches, *state)
    volumes = correlation_volume(z.asnumpy(), x.asnumpy()).astype(np.float16)
    return Seen(volumes, np.stack([pair.change for pair in pairs]).astype(np.float32))


def joined(parts: Sequence[Seen]) -> Seen:
    """Several as one."""
    return Seen(*(np.concatenate(arrays) for arrays in zip(*parts)))


def fit(
    seen: Seen, size: int, epochs: int, seed: int, progress: Callable[[Any], Any] = lambda numbers: numbers
) -> BoxHead:
    """A head whose mean absolute error is small (Adam), for images of `size`; `progress` wraps the epochs' numbers."""
    mx.random.seed(seed)
    rng = np.random.default_rng(seed)
    head = BoxHead(seen.volumes.shape[2:], size)
    head.initialize(mx.init.Xavier(magnitude=2))
    head.hybridize()
    trainer = gluon.Trainer(head.collect_params(), "adam", {"learning_rate": LEARNING_RATE, "wd": WEIGHT_DECAY})
    batches = max(1, len(seen.changes) // FIT_BATCH)
    for epoch in progress(range(epochs)):
        for number, chosen in enumerate(np.array_split(rng.permutation(len(seen.changes)), batches)):
            done = (epoch + number / batches) / epochs
            trainer.set_learning_rate(0.5 * LEARNING_RATE * (1 + np.cos(np.pi * done)))
            volumes, changes = (nd.array(part[chosen].astype(np.float32)) for part in seen)
            with autograd.record():
                error = nd.abs(head(volumes) - nd.clip(changes, -LIMIT, LIMIT)).mean()
            error.backward()
            trainer.step(1)
            error.wait_to_read()  # else all epochs are queued, and told as done, before the first is computed
    return head


def errors(head: BoxHead, seen: Seen) -> Dict[str, float]:
    """Mean absolute error of size (the logarithm of √(w h)) and aspect (of w / h); `*_before`: of a box that is left
    as it is.
    """
    parts = [seen.volumes[first : first + FIT_BATCH] for first in range(0, len(seen.volumes), FIT_BATCH)]
    said = np.concatenate([head(nd.array(part.astype(np.float32))).asnumpy() for part in parts])
    found = {}
    for suffix, wrong in (("", said - seen.changes), ("_before", -seen.changes)):
        found["size" + suffix] = float(np.abs(wrong.mean(axis=1)).mean())
        found["aspect" + suffix] = float(np.abs(wrong[:, 0] - wrong[:, 1]).mean())
    return found
