"""Networks and weights for elsewhere and from elsewhere: `rar export`, `rar convert`."""

from __future__ import annotations

import argparse

from rar_gluon import config as configuration
from rar_gluon.cli.options import WEIGHTS_FILE, add_command, network_arguments, path
from rar_gluon.common import InputError, check_outputs, output_folder


def add_export(commands) -> None:
    """Add `rar export`."""
    export = add_command(
        commands, "export", export_command, "write the tracker for another runtime", "rar export rar_thin"
    )
    export.add_argument("output", type=path, metavar="DIR", help="folder to write")
    network_arguments(export, WEIGHTS_FILE, device=False)
    export.add_argument(
        "--format", default="onnx", choices=("onnx", "symbol"), help="symbol: the network alone, MXNet's; default: onnx"
    )
    page = "onnx: a page that tracks in the browser, with the folder of npm's onnxruntime-web"
    export.add_argument("--page", type=path, metavar="PACKAGE", help=page)
    export.add_argument("--int8", action="store_true", help="onnx: in int8 too; ranges are those of the demo's clips")


def export_command(arguments: argparse.Namespace) -> int:
    """Write the whole method as ONNX graphs, which rar track --runtime onnx --weights DIR computes with.

    Or the network as MXNet's symbol and parameters; batch norms are folded.
    """
    from rar_gluon.engine.mxnet import load_engine
    from rar_gluon.net.weights import load_gluoncv

    if arguments.format == "symbol" and (arguments.int8 or arguments.page is not None):
        raise InputError("--int8 and --page go with --format onnx, the default: leave out --format symbol.")
    output_folder(arguments.output)
    config = configuration.load(arguments.config)
    engine = load_engine(config, load_gluoncv(config) if arguments.pretrained else arguments.weights)
    if arguments.format == "symbol":
        from rar_gluon.net.export import export_symbol

        files = export_symbol(engine.net, arguments.output)
    else:
        from rar_gluon.data.demo import demo_regions
        from rar_gluon.engine.export import export
        from rar_gluon.engine.page import runtime_files, write_page

        if arguments.page is not None:
            runtime_files(arguments.page)  # says what is missing before the work
        regions = demo_regions(config.tracking) if arguments.int8 else None
        files, errors = export(config, engine, arguments.output, regions)
        listing = ", ".join(f"{name} {error:.1e}" for name, error in errors.items())
        print(f"differences from MXNet, of the largest value: {listing}")
        if arguments.page is not None:
            files += write_page(arguments.output, arguments.page)
    for file in files:
        print(f"{file}: {file.stat().st_size / 1e6:.2f} MB")
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
