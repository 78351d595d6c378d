"""Train: `rar prepare`, `train`, `launch`."""

from __future__ import annotations

import argparse
import contextlib
import warnings
from pathlib import Path

from rar_gluon import config as configuration
from rar_gluon.cli.options import add_command, path
from rar_gluon.common import InputError, Notice, Stopped, output_folder, say
from rar_gluon.config import Config
from rar_gluon.data.datasets import PREPARED, load_sequences, split_names

STARTS = ("random", "thin", "gluoncv")  # of --start, beside files


def add_prepare(commands) -> None:
    """Add `rar prepare`."""
    ready = add_command(
        commands,
        "prepare",
        prepare_command,
        "pack a dataset for training",
        "rar prepare folder VIDEOS records --exclude A,B --workers 2",
    )
    ready.add_argument("dataset", choices=PREPARED, help="folder: any folder of sequences")
    ready.add_argument("root", type=path, metavar="ROOT", help="where the dataset is")
    ready.add_argument("out", type=path, metavar="OUT", help="folder for the records")
    ready.add_argument("--side", type=int, default=255, metavar="N", help="pixels of a search window; default: 255")
    ready.add_argument(
        "--config", default="rar_thin", help="whose windows: a preset (rar, rar_thin) or a YAML file; default: rar_thin"
    )
    ready.add_argument("--padding", type=float, help="padding of the search window; default: the config's")
    ready.add_argument(
        "--window", choices=("per-axis", "margin", "square"), help="shape of the search window; default: the config's"
    )
    ready.add_argument("--every", type=int, default=1, metavar="N", help="take each N-th frame; default: 1")
    ready.add_argument("--split", choices=("train", "val"), help="part of VID; default: train")
    ready.add_argument("--sequences", metavar="A,B,...", help="only these sequences; default: all")
    ready.add_argument("--exclude", default="", metavar="A,B,...", help="leave these sequences out")
    ready.add_argument("--workers", type=int, default=1, metavar="N", help="processes that work at once; default: 1")


def prepare_command(arguments: argparse.Namespace) -> int:
    """Cut the region around every target and pack them into records; resumable; status 1 when a sequence failed."""
    from rar_gluon.data.prepare import prepare

    if arguments.split is not None and arguments.dataset != "vid":
        raise InputError(f"--split is of vid: leave it out with {arguments.dataset}.")
    tracking = configuration.load(arguments.config).tracking
    summary = prepare(
        arguments.dataset,
        arguments.root,
        arguments.out,
        side=arguments.side,
        every=arguments.every,
        split=arguments.split or "train",
        sequences=None if arguments.sequences is None else split_names(arguments.sequences),
        exclude=split_names(arguments.exclude),
        workers=arguments.workers,
        padding=tracking.padding if arguments.padding is None else arguments.padding,
        window=arguments.window or tracking.window,
    )
    print(summary.text())
    return 1 if summary.failures else 0


def add_train(commands) -> None:
    """Add `rar train`."""
    train = add_command(
        commands,
        "train",
        train_command,
        "train a network",
        "rar train --config rar_thin --records records --output run --resume",
    )
    train.add_argument(
        "--config", default="rar_thin", help="a preset (rar, rar_thin) or a YAML file; default: rar_thin"
    )
    train.add_argument(
        "--output", required=True, type=path, metavar="DIR", help="weights, checkpoints and logs go here"
    )
    train.add_argument(
        "--records",
        action="append",
        default=[],
        metavar="DIR[=WEIGHT]",
        help="made by rar prepare; WEIGHT: how often its tracks are drawn, default: 1; can be repeated",
    )
    train.add_argument(
        "--synthetic",
        type=float,
        metavar="PART",
        help="part of synthetic clips; default: 1 without records, 0 with them, 0.5 with records and cut-outs",
    )
    train.add_argument(
        "--cutouts",
        nargs="+",
        action="append",
        default=[],
        type=path,
        metavar="DIR",
        help="VIDEOS MASKS: synthetic objects are cut out of these videos by MASKS/NAME/*.png; or STILLS: out of "
        "photographs NAME.jpg by NAME.png; can be repeated; default: made from bundled pictures",
    )
    train.add_argument(
        "--stills-held-out",
        type=float,
        default=0.0,
        metavar="PART",
        help="share of the photographs of --cutouts that is not trained on, by their names; default: 0",
    )
    train.add_argument("--validation", type=path, metavar="DIR", help="folder of sequences to track after each epoch")
    train.add_argument("--validation-sequences", metavar="A,B,...", help="only these sequences; default: all")
    train.add_argument("--validation-frames", type=int, metavar="N", help="frames of each sequence; default: 100")
    train.add_argument(
        "--start",
        metavar="|".join((*STARTS, "FILE")),
        help="weights that training starts from: random; ImageNet's in the package (thin: half width) or in GluonCV's "
        "model zoo; or a file: of a whole network, which goes on as it is, or of a backbone; default: ImageNet's that "
        "fit the network",
    )
    train.add_argument(
        "--device", type=int, metavar="N", help="GPU to use, -1: the CPU; default: the first GPU, if any"
    )
    train.add_argument("--devices", metavar="0,1,...", help="GPUs; default: --device's")
    train.add_argument("--store", default="local", help="KVStore: local (default), device, or dist_sync in rar launch")
    train.add_argument("--loaders", type=int, default=1, metavar="N", help="threads that cut clips; default: 1")
    train.add_argument("--steps", type=int, metavar="N", help="train N steps in all, to try; default: the config's")
    train.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --output")
    train.add_argument("--keep", type=int, default=3, metavar="N", help="checkpoints that are kept; default: 3")
    train.add_argument(
        "--save-every", type=int, default=100, metavar="STEPS", help="steps between checkpoints; default: 100"
    )


def train_command(arguments: argparse.Namespace) -> int:
    """Train a network on prepared records, synthetic sequences or both; resumes, on one device or several."""
    from rar_gluon.data.clips import training_clips, weighted_folders
    from rar_gluon.net.device import find_device, parse_devices
    from rar_gluon.training.checkpoint import existing
    from rar_gluon.training.held_out import make_validation
    from rar_gluon.training.loop import Options, train
    from rar_gluon.training.start import identity, start_network

    output_folder(arguments.output)
    config = configuration.load(arguments.config)
    if arguments.loaders < 1 or arguments.keep < 1 or arguments.save_every < 1:
        raise InputError("--loaders, --keep and --save-every must be at least 1.")
    if arguments.validation is None and (arguments.validation_sequences or arguments.validation_frames is not None):
        raise InputError(
            "--validation-sequences and --validation-frames need --validation: give it, or leave them out."
        )
    if arguments.stills_held_out and not arguments.cutouts:
        raise InputError("--stills-held-out needs --cutouts STILLS: give it, or leave it out.")
    if arguments.steps is not None:
        config = with_steps(config, arguments.steps)
    if any(len(folders) > 2 for folders in arguments.cutouts):
        raise InputError("--cutouts takes VIDEOS MASKS or STILLS; repeat it for more.")
    if arguments.devices is None:
        contexts = [find_device(arguments.device)]
    else:
        contexts = [find_device(number) for number in parse_devices(arguments.devices)]
    held_out = []
    if arguments.validation is not None:
        held_out = load_sequences("folder", arguments.validation, arguments.validation_sequences)
    names = [sequence.name for sequence in held_out]
    clips = training_clips(
        config,
        weighted_folders(arguments.records),
        arguments.synthetic,
        arguments.cutouts,
        names,
        arguments.stills_held_out,
    )
    network = config.network
    if arguments.start == "random" and network.backbone == "resnet50" and network.statistics == "frozen":
        notice = (
            "with random weights, batch norm does nothing and the frozen stages stay random: set network.statistics to "
            "trained and training.frozen to []."
        )
        warnings.warn(Notice(notice), stacklevel=1)
    resumed = existing(arguments.output / "checkpoints")
    net = start_network(config, arguments.start, contexts[0], None if resumed else clips)
    frames = 100 if arguments.validation_frames is None else arguments.validation_frames
    validate = make_validation(config, held_out, frames) if held_out else None
    options = Options(
        contexts, arguments.store, arguments.loaders, arguments.resume, arguments.keep, arguments.save_every
    )
    provenance = {
        "start": identity(config.network, arguments.start),
        "validation": {"sequences": names, "frames": frames if names else None},
    }
    try:
        train(net, config, clips, arguments.output, validate, options, provenance)
    except (InputError, Stopped) as end:  # an interrupted or diverged training has curves, too
        with contextlib.suppress(InputError):
            _draw_curves(arguments.output)
        saved = existing(arguments.output / "checkpoints")
        if isinstance(end, Stopped) and saved:
            step = int(saved[-1].stem.rpartition("-")[2])
            say(f"rar: step {step} is saved as {saved[-1]}: the same call with --resume goes on.")
        raise
    _draw_curves(arguments.output)
    return 0


def with_steps(config: Config, steps: int) -> Config:
    """The configuration with one epoch of `steps` steps; `InputError` for less than one."""
    if steps < 1:
        raise InputError(f"--steps is {steps}, but at least 1 is needed.")
    training = {"epochs": 1, "epoch_clips": steps * config.training.batch}
    return configuration.from_dict({"training": training}, base=config)


def _draw_curves(output: Path) -> None:
    """Draw curves.png of a training that has a log; with several workers the first one writes it."""
    from rar_gluon.report.curves import plot_curves, read_columns

    log = output / "log.csv"
    if read_columns(log):
        plot_curves(log, output / "validation.csv", output / "curves.png")


def add_launch(commands) -> None:
    """Add `rar launch`."""
    launch = add_command(
        commands,
        "launch",
        launch_command,
        "train on several workers",
        "rar launch -n 2 -- rar train --config rar_thin --output run --store dist_sync",
    )
    launch.add_argument("-n", "--workers", type=int, required=True, metavar="N", help="processes that train")
    launch.add_argument("-s", "--servers", type=int, default=1, metavar="N", help="servers of parameters; default: 1")
    launch.add_argument("--hosts", type=path, metavar="FILE", help="machines for ssh, one a line; default: this one")
    launch.add_argument("--port", type=int, default=0, metavar="P", help="port of the scheduler; default: any free one")
    launch.add_argument("command", nargs="*", metavar="COMMAND", help="the command of each worker, after --")


def launch_command(arguments: argparse.Namespace) -> int:
    """Run a command on several workers that train as one: rar launch -n 2 -- rar train ... --store dist_sync."""
    from rar_gluon.training.launch import launch, read_hosts

    hosts = None if arguments.hosts is None else read_hosts(arguments.hosts)
    return launch(arguments.command, arguments.workers, arguments.servers, hosts, arguments.port)
