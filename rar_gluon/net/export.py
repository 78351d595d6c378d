"""Networks for other runtimes: ONNX, and MXNet's own symbol; `rar export`. And ONNX Runtime in MXNet's place."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet import nd

from rar_gluon.common import InputError, atomic_path
from rar_gluon.net.inference import fold_batch_norms, state_names, trace
from rar_gluon.net.onnx_graph import onnx_model
from rar_gluon.net.rar import RAR

FORMATS = ("onnx", "symbol")


def onnx_of(net: RAR, size: Sequence[int]) -> Any:
    """A network as an ONNX model for images of `size` (height, width), any number at a time.

    Inputs are `image` (B, 3, H, W), BGR 0-255, and `state0`, `state1`, ...; outputs are `representation` and
    `new_state0`, ... `InputError` when onnx is missing.
    """
    symbol, parameters = fold_batch_norms(*trace(net))
    state = net.begin_state((1, 3, *size), net.ctx)
    inputs: Dict[str, Tuple[int, ...]] = {"image": (1, 3, *size)}
    inputs.update(zip(state_names(len(state)), (part.shape for part in state)))
    outputs = ["representation", *(f"new_{name}" for name in state_names(len(state)))]
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
    symbol, parameters = fold_batch_norms(*trace(net))
    used = {name: nd.array(parameters[name]) for name in symbol.list_inputs() if name in parameters}
    files = [Path(f"{path}-symbol.json"), Path(f"{path}-0000.params")]
    with atomic_path(files[0]) as temporary:
        temporary.write_text(json.dumps(json.loads(symbol.tojson()), indent=1), encoding="utf-8")
    with atomic_path(files[1]) as temporary:
        nd.save(str(temporary), {f"arg:{name}": array for name, array in used.items()})
    return files


class OnnxNetwork:
    """`net(image, *state)` as for `RAR`, computed by ONNX Runtime on the CPU; a graph is made for each size of images.

    Raises
    ------
    InputError
        onnx or onnxruntime is missing.
    """

    def __init__(self, net: RAR):
        try:
            import onnxruntime
        except ImportError as error:
            raise InputError("the package onnxruntime is missing: pip install 'rar-gluon[onnx]'.") from error
        self._net, self._runtime, self._sessions = net, onnxruntime, {}

    def __call__(self, image: nd.NDArray, *state: nd.NDArray) -> List[nd.NDArray]:
        """Representation and new state, [(B, D, H', W'), h, c, …], of images (B, 3, H, W) and a state."""
        size = tuple(image.shape[2:])
        if size not in self._sessions:
            options = self._runtime.SessionOptions()
            options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
            self._sessions[size] = self._runtime.InferenceSession(
                onnx_of(self._net, size).SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        names = ["image", *state_names(len(state))]
        fed = {name: np.asarray(part.asnumpy(), np.float32) for name, part in zip(names, (image, *state))}
        return [nd.array(part, ctx=mx.cpu()) for part in self._sessions[size].run(None, fed)]
