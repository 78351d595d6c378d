"""Networks for other runtimes: ONNX, and MXNet's own symbol; `rar export`. And ONNX Runtime in MXNet's place."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, List, Sequence

import mxnet as mx
import numpy as np
from mxnet import nd

from rar_gluon.common import InputError, atomic_path
from rar_gluon.net.inference import folded, input_names
from rar_gluon.net.onnx_graph import onnx_model
from rar_gluon.net.rar import RAR
from rar_gluon.processes import threads

FORMATS = ("onnx", "symbol")


def onnx_of(net: RAR, size: Sequence[int]) -> Any:
    """A network as an ONNX model for images of `size` (height, width), any number at a time.

    Inputs are `image` (B, 3, H, W), BGR 0-255, and `state0`, `state1`, ...; outputs are `representation` and
    `new_state0`, ...; all of them are float32.

    Raises
    ------
    InputError
        The package onnx is missing.
    """
    symbol, parameters = folded(net)
    state = net.begin_state((1, 3, *size), net.ctx)
    image, *names = input_names(len(state))
    inputs = {image: (1, 3, *size), **{name: part.shape for name, part in zip(names, state)}}
    outputs = ["representation", *(f"new_{name}" for name in names)]
    return onnx_model(symbol, parameters, inputs, outputs)


def export(net: RAR, path: str | os.PathLike, format: str, size: int) -> List[Path]:
    """Write a network for another runtime; returns the files.

    Parameters
    ----------
    path : of the model; "symbol" writes PATH-symbol.json and PATH-0000.params, as `SymbolBlock.imports` reads them.
    format : of `FORMATS`.
    size : of the images, pixels; "symbol" takes every size.

    Raises
    ------
    InputError
        The format is none of these, the package onnx is missing, or the files cannot be written.
    """
    if format not in FORMATS:
        raise InputError(f"'{format}' is no format to export to: choose {' or '.join(FORMATS)}.")
    if format == "onnx":
        content = onnx_of(net, (size, size)).SerializeToString()
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
        return [Path(path)]
    symbol, parameters = folded(net)
    used = {name: nd.array(parameters[name]) for name in symbol.list_inputs() if name in parameters}
    files = [Path(f"{path}-symbol.json"), Path(f"{path}-0000.params")]
    with atomic_path(files[0]) as temporary:
        temporary.write_text(json.dumps(json.loads(symbol.tojson(remove_amp_cast=False)), indent=1), encoding="utf-8")
    with atomic_path(files[1]) as temporary:
        nd.save(str(temporary), {f"arg:{name}": array for name, array in used.items()})
    return files


class OnnxNetwork:
    """`net(image, *state)` as for `RAR`, computed by ONNX Runtime on the CPU; a graph is made for each size of images.

    Raises
    ------
    InputError
        onnx or onnxruntime is missing, or the network is on a GPU.
    """

    def __init__(self, net: RAR):
        try:
            import onnxruntime
        except ImportError as error:
            told = "onnxruntime is missing: pip install --no-deps onnxruntime==1.16.3, and rar-gluon's extra 'onnx'."
            raise InputError(told) from error
        if net.ctx.device_type != "cpu":
            raise InputError("ONNX Runtime computes on the CPU here: choose --device -1, or --runtime mxnet.")
        self._net, self._runtime, self._sessions = net, onnxruntime, {}

    def __call__(self, image: nd.NDArray, *state: nd.NDArray) -> List[nd.NDArray]:
        """Representation and new state, [(B, D, H', W'), h, c, …], of images (B, 3, H, W) and a state."""
        size = tuple(image.shape[2:])
        if size not in self._sessions:
            options = self._runtime.SessionOptions()
            options.intra_op_num_threads = threads()
            # Idle threads that spin would take the cores from each other's sessions, and from MXNet.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            content = onnx_of(self._net, size).SerializeToString()
            self._sessions[size] = self._runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        names = input_names(len(state))
        fed = {name: np.asarray(part.asnumpy(), np.float32) for name, part in zip(names, (image, *state))}
        return [nd.array(part, ctx=mx.cpu()) for part in self._sessions[size].run(None, fed)]
