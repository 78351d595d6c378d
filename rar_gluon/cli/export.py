"""Networks and weights for elsewhere and from elsewhere: `rar export`, `rar convert`."""

from __future__ import annotations

import argparse

from rar_gluon import config as configuration
from rar_gluon.cli.options import add_command, network_arguments, path
from rar_gluon.common import check_outputs, output_path


def add_export(commands) -> None:
    """Add `rar export`."""
    example = "rar export --config rar_thin --format onnx rar_thin.onnx"
    export = add_command(commands, "export", export_command, "write a network for another runtime", example)
    export.add_argument("output", type=path, metavar="FILE", help="the model; symbol: FILE-symbol.json and its weights")
    network_arguments(export)
    export.add_argument("--format", default="onnx", choices=("onnx", "symbol"), help="default: onnx")
    export.add_argument(
        "--size",
        type=int,
        metavar="N",
        help="side of an ONNX model's images, in pixels; default: that of the search window",
    )


def export_command(arguments: argparse.Namespace) -> int:
    """Write a network as an ONNX model, or as MXNet's symbol and parameters; batch norms are folded."""
    from rar_gluon.evaluation.trackers import build_tracker
    from rar_gluon.net.export import export

    output_path(arguments.output)
    config = configuration.load(arguments.config)
    tracker = build_tracker(config, arguments.weights, arguments.pretrained, -1)
    size = arguments.size or config.tracking.input_size
    for file in export(tracker.net, arguments.output, arguments.format, size):
        print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")
    return 0


def add_convert(commands) -> None:
    """Add `rar convert`."""
    example = "rar convert resnet50.safetensors resnet50.npz"
    convert = add_command(commands, "convert", convert_command, "turn weights into a file of ours", example)
    convert.add_argument(
        "source",
        type=path,
        metavar="FROM",
        help="ours (.npz), GluonCV's .params, torchvision's or timm's .safetensors",
    )
    convert.add_argument("target", type=path, metavar="TO", help="file to write (.npz)")
    convert.add_argument("--dtype", default="float32", choices=("float16", "float32"), help="default: float32")


def convert_command(arguments: argparse.Namespace) -> int:
    """Turn weights into a file of ours: a ResNet-50 of ImageNet to start a training from, or ours in half the size."""
    from rar_gluon.net.weights import convert

    check_outputs([arguments.target], [arguments.source])
    file = convert(arguments.source, arguments.target, arguments.dtype)
    size = arguments.target.stat().st_size / 1e6
    print(f"{arguments.target}: {file.holds}, {len(file.arrays)} arrays as {arguments.dtype}, {size:.1f} MB")
    return 0
