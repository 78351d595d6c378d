import csv
import json
from pathlib import Path

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.config import from_dict, load, to_dict
from rar_gluon.net.foreign import read_foreign, read_safetensors
from rar_gluon.net.rar import to_images
from rar_gluon.net.weights import convert, load_network, parameters, read_weights

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)

GOLDEN = Path(__file__).parents[1] / "golden" / "resnet50_torchvision.csv"
BLOCKS = {"layer1": 3, "layer2": 4, "layer3": 6, "layer4": 3}


def write_safetensors(path, arrays):
    """As the package safetensors writes them."""
    kinds = {"float32": "F32", "float16": "F16", "float64": "F64", "int64": "I64", "uint16": "BF16"}
    header, content = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        entry = {"dtype": kinds[str(array.dtype)], "shape": list(array.shape)}
        header[name] = {**entry, "data_offsets": [len(content), len(content) + array.nbytes]}
        content += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


def torch_resnet50(seed=0):
    """Random parameters of torchvision's resnet50, by its names; timm's are the same."""
    rng = np.random.default_rng(seed)

    def convolution(name, out, into, size):
        arrays[f"{name}.weight"] = rng.normal(0, (2 / (into * size**2)) ** 0.5, (out, into, size, size))

    def norm(name, count):
        for kind, low, high in (("weight", 0.5, 1.5), ("bias", -0.3, 0.3), ("running_mean", -0.3, 0.3)):
            arrays[f"{name}.{kind}"] = rng.uniform(low, high, count)
        arrays[f"{name}.running_var"] = rng.uniform(0.5, 1.5, count)
        arrays[f"{name}.num_batches_tracked"] = np.array(7)

    arrays = {}
    convolution("conv1", 64, 3, 7)
    norm("bn1", 64)
    into = 64
    for stage, (layer, blocks) in enumerate(BLOCKS.items()):
        width = 64 << stage
        for block in range(blocks):
            name = f"{layer}.{block}"
            for index, (out, source, size) in enumerate(
                ((width, into, 1), (width, width, 3), (4 * width, width, 1)), 1
            ):
                convolution(f"{name}.conv{index}", out, source, size)
                norm(f"{name}.bn{index}", out)
            if block == 0:
                convolution(f"{name}.downsample.0", 4 * width, into, 1)
                norm(f"{name}.downsample.1", 4 * width)
            into = 4 * width
    arrays["fc.weight"], arrays["fc.bias"] = rng.normal(size=(10, 2048)), rng.normal(size=10)
    return {name: array if array.dtype == np.int64 else array.astype("float32") for name, array in arrays.items()}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    path = tmp_path_factory.mktemp("torch") / "resnet50.safetensors"
    arrays = torch_resnet50()
    write_safetensors(path, arrays)
    return path, arrays


@pytest.mark.slow
def test_a_resnet_of_torch_fills_the_backbone(theirs, tmp_path):
    """Every parameter of theirs but the classifier's, each in its place; and as a file of ours, half the size."""
    path, arrays = theirs
    own = parameters(load_network(load("rar"), path))
    for ours, torch in (
        ("conv2.0.conv2.weight", "layer1.0.conv2.weight"),
        ("conv3.0.project.weight", "layer2.0.downsample.0.weight"),
        ("conv3.0.project_bn.beta", "layer2.0.downsample.1.bias"),
        ("conv4.5.bn3.gamma", "layer3.5.bn3.weight"),
        ("conv4.0.conv2.deformable_conv_weight", "layer3.0.conv2.weight"),
        ("conv5.2.bn2.running_var", "layer4.2.bn2.running_var"),
        ("bn1.running_mean", "bn1.running_mean"),
    ):
        np.testing.assert_array_equal(own[f"backbone.{ours}"].data().asnumpy(), arrays[torch], err_msg=ours)
    kernel = own["backbone.conv1.weight"].data().asnumpy()[:, ::-1] * 255 * np.reshape([0.229, 0.224, 0.225], (3, 1, 1))
    np.testing.assert_allclose(kernel, arrays["conv1.weight"], rtol=1e-5)
    backbone = {name for name in own if name.startswith("backbone.") and ".offset_" not in name}
    used = [name for name in arrays if not name.startswith("fc.") and "num_batches" not in name]
    assert len(backbone) == len(used) + 1  # and the mean
    half = convert(path, tmp_path / "half.npz", "float16")
    assert half.holds == "backbone" and {str(array.dtype) for array in half.arrays.values()} == {"float16"}
    assert read_weights(tmp_path / "half.npz").config == {"network": to_dict(load("rar").network)}
    load_network(load("rar"), tmp_path / "half.npz")
    with pytest.raises(InputError, match="of another network"):
        load_network(load("rar_thin"), path)


@pytest.mark.slow
def test_features_are_those_of_torchvision(theirs):
    """The golden file says how they were made; at their strides, and no cell that has seen their padding or ours."""
    levels = ["conv3", "conv4", "conv5"]
    network = {"stride": 32, "downsample": "3x3", "dilate": False, "deformable": [], "levels": levels}
    net = load_network(from_dict({"network": network}), theirs[0])
    picture = np.random.default_rng(1).integers(0, 256, (1, 511, 511, 3)).astype(np.uint8)
    maps = dict(zip(levels, net.backbone(to_images(picture, mx.cpu()))))
    with open(GOLDEN, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert [row["level"] for row in rows] == levels
    for row in rows:
        values, cell = np.array(row["values"].split(), float), int(row["cell"])
        ours = maps[row["level"]][0, :, cell, cell].asnumpy()
        assert len(values) == 16 and values.max() > 0
        np.testing.assert_allclose(ours[:: len(ours) // 16], values, rtol=1e-5, atol=1e-5 * values.max())


def test_types_of_safetensors(tmp_path):
    path = tmp_path / "a.safetensors"
    values = np.array([[1.5, -2.0], [0.25, 3e38]], np.float32)
    upper = (values.view(np.uint32) >> 16).astype(np.uint16)
    write_safetensors(path, {"a": values, "b": values.astype("float64"), "c": upper, "d": np.array([1, 2])})
    arrays = read_safetensors(path)
    assert set(arrays) == {"a", "b", "c"}
    np.testing.assert_array_equal(arrays["b"], values)
    np.testing.assert_allclose(arrays["c"], values, rtol=1e-2)


@pytest.mark.parametrize("suffix", [".safetensors", ".params"])
def test_what_is_no_resnet(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with pytest.raises(InputError, match="no weights at"):
        read_foreign(path)
    write_safetensors(path, {"conv1.0.weight": np.zeros((3, 3), "float32")})
    content = path.read_bytes()
    for damage in (
        content,
        b"",
        content[:20],
        b"\xff" * 100,
        content[:8] + b"[" * 5000,
        content.replace(b"[0,", b"[9,"),
    ):
        path.write_bytes(damage)
        with pytest.raises(InputError, match="is damaged, or no ResNet-50 of GluonCV, torchvision or timm"):
            read_foreign(path)


def test_a_resnet_that_is_another(tmp_path):
    """ResNet-101 has more blocks, an SE-ResNet more layers, and a grey one a kernel of one channel."""
    arrays = {name: array for name, array in torch_resnet50().items() if array.dtype == np.float32}
    deeper = {**arrays, **{name.replace("layer3.5", "layer3.6"): a for name, a in arrays.items() if "layer3.5" in name}}
    squeezed = {**arrays, "layer1.0.se.fc1.weight": arrays["layer1.0.conv1.weight"]}
    grey = {**arrays, "conv1.weight": arrays["conv1.weight"][:, :1]}
    shorter = {name: array for name, array in arrays.items() if "layer4" not in name}
    for other in (deeper, squeezed, grey, shorter):
        write_safetensors(tmp_path / "other.safetensors", other)
        with pytest.raises(InputError, match="no ResNet-50"):
            read_foreign(tmp_path / "other.safetensors")


def test_arrays_that_overlap_are_refused(tmp_path):
    """A small file would else become any number of arrays."""
    path = tmp_path / "a.safetensors"
    write_safetensors(path, {"a": np.zeros(100, np.float32), "b": np.ones(100, np.float32)})
    content = path.read_bytes()
    path.write_bytes(content.replace(b"[400, 800]", b"[0, 400]  ")[:-400])
    with pytest.raises(ValueError, match="b lies outside of the file, or over another array"):
        read_safetensors(path)


def test_names_of_data_parallel(tmp_path):
    """torch's DataParallel puts a word before each name."""
    arrays = {name: np.asarray(array, np.float32) for name, array in torch_resnet50().items()}
    write_safetensors(tmp_path / "plain.safetensors", arrays)
    write_safetensors(tmp_path / "wrapped.safetensors", {f"module.{name}": array for name, array in arrays.items()})
    plain, wrapped = (read_foreign(tmp_path / f"{name}.safetensors") for name in ("plain", "wrapped"))
    assert plain.keys() == wrapped.keys() and all(np.array_equal(plain[name], wrapped[name]) for name in plain)
