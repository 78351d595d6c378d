"""The engine on MXNet, on the CPU or a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet import nd

from rar_gluon import geometry
from rar_gluon.common import InputError
from rar_gluon.config import Config
from rar_gluon.filter.layer import OnlineFilter, template_label
from rar_gluon.net.inference import InferenceNetwork
from rar_gluon.net.rar import RAR, pad_state, to_images
from rar_gluon.net.weights import CONFIDENCE, SHIPPED, load_network, read_confidence


class MxnetEngine:
    """Representations by a network, and the filter of Eq. 10-11 (`Engine`).

    Parameters
    ----------
    config : the whole configuration.
    net : its network, on one device.
    weights : the file that the network's weights come from, None if there is none.
    confidence : score of one half and slope, as fitted to these weights (`tracking.confidence`).
    """

    def __init__(
        self,
        config: Config,
        net: RAR,
        weights: Path | None = None,
        confidence: Sequence[float] = CONFIDENCE,
    ):
        self._config, self._network, self.net, self.ctx = config, InferenceNetwork(net), net, net.ctx
        self.weights, self.confidence = weights, tuple(confidence)

    def begin_state(self) -> List[nd.NDArray]:
        size = self._config.tracking.input_size
        return self.net.begin_state((1, 3, size, size), self.ctx)

    def represent(self, patches: np.ndarray, state: List[nd.NDArray]) -> nd.NDArray:
        return self._represent(patches, state)[0]

    def represent_template(self, patches: np.ndarray, state: List[nd.NDArray]):
        settings = self._config.filter
        if settings.contexts and settings.context_source == "feature":
            return self._split(patches, state)
        z, state = self._represent(patches, state)
        state = [part[:1] for part in state]  # only the target-centred patch moves the state
        return z[:1], z[1:] if settings.contexts else None, state

    def _split(self, patches: np.ndarray, state: List[nd.NDArray]):
        """Cut template and contexts from the representation of one patch that is larger by the context margin."""
        size, stride = self._config.tracking.input_size, self._config.network.stride
        pixels = (patches.shape[1] - size) // 2
        z, state = self._represent(patches, pad_state(state, pixels, self.net.strides))
        z0, zi = geometry.split_contexts(z[0], z.shape[-1] - 2 * pixels // stride)
        return z0.expand_dims(0), nd.stack(*zi), pad_state(state, -pixels, self.net.strides)

    def _represent(self, patches: np.ndarray, state: List[nd.NDArray]) -> Tuple[nd.NDArray, List[nd.NDArray]]:
        state = [nd.broadcast_axis(part, axis=0, size=len(patches)) for part in state]
        representation, *new_state = self._network(to_images(patches, self.ctx), *state)
        return representation, new_state

    def new_filter(self, template: nd.NDArray) -> OnlineFilter:
        label = template_label(self._config.filter, self._config.tracking.padding, *template.shape[1:])
        return OnlineFilter(self._config.filter, label, self.ctx)


def load_engine(config: Config, weights: Any = None, ctx: mx.Context | None = None) -> MxnetEngine:
    """Make the engine for weights (a file, None: the package's, or a network that has them) on a device."""
    if not isinstance(weights, RAR):
        file = Path(weights or SHIPPED)
        return MxnetEngine(config, load_network(config, weights, ctx or mx.cpu()), file, read_confidence(file))
    if weights.config != config.network:
        raise InputError("the network was built for another configuration than the tracker's: give both the same.")
    return MxnetEngine(config, weights)
