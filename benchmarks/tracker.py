"""Frames a second end to end and where a frame's time goes, beside other people's trackers on the same video."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Callable, Iterator, List

import cv2
import numpy as np

from benchmarks import video
from benchmarks.alternate import Case, Route
from benchmarks.video import Size

WAYS = {  # arguments of `Tracker`
    "fp32": {"runtime": "mxnet"},
    "fp32, ONNX Runtime": {"runtime": "onnx"},
    "int8, ONNX Runtime": {"runtime": "onnx", "precision": "int8"},
}
OPENCV_MODELS = {  # files of --models, as OpenCV's documentation of each tracker names them
    "Nano": {"backbone": "nanotrack_backbone_sim.onnx", "neckhead": "nanotrack_head_sim.onnx"},
    "DaSiamRPN": {
        "model": "dasiamrpn_model.onnx",
        "kernel_r1": "dasiamrpn_kernel_r1.onnx",
        "kernel_cls1": "dasiamrpn_kernel_cls1.onnx",
    },
}


def cases(options) -> List[Case]:
    """A case for each video and number of threads."""
    all_cases = []
    for source in options.video:
        shared = {"source": source, "count": options.frames, "size": options.size}
        for threads in options.threads:
            routes = [
                Route(f"{preset} {way}", "benchmarks.tracker:rar", {**shared, "preset": preset, **chosen}, threads)
                for preset in options.preset
                for way, chosen in WAYS.items()
            ]
            for preset in options.preset:
                arguments = {**shared, "preset": preset}
                routes.append(Route(f"{preset} fp32 by part", "benchmarks.tracker:by_part", arguments, threads))
            if not options.short:
                peers = ("opencv-kcf", "opencv-csrt")
                routes += [
                    Route(name, "benchmarks.tracker:peer", {**shared, "name": name}, threads, False) for name in peers
                ]
                routes.append(Route("gluoncv-siamrpn", "benchmarks.tracker:siamrpn", shared, threads, False))
                for name in OPENCV_MODELS:
                    arguments = {**shared, "name": name, "models": str(options.models)}
                    routes.append(Route(f"cv2 {name}", "benchmarks.tracker:opencv_network", arguments, threads, False))
            all_cases.append(Case(f"{Path(source).name}, {threads} threads", routes))
    return all_cases


def rar(preset: str, source: str, count: int, size: Size = None, **chosen: str) -> Callable:
    """Our tracker; `chosen` are arguments of `Tracker`."""
    tracker = _tracker(preset, **chosen)
    return lambda: _tracked(tracker, source, count, size)


def by_part(preset: str, source: str, count: int, size: Size = None) -> Callable:
    """Our tracker, with the device waited for before and after each part: slower, and split."""
    from mxnet import nd

    from rar_gluon import geometry

    seconds: Counter = Counter()

    def timed(part: str, function: Callable) -> Callable:
        def call(*arguments):
            nd.waitall()
            start = time.perf_counter()
            result = function(*arguments)
            nd.waitall()
            seconds[part] += time.perf_counter() - start
            return result

        return call

    tracker = _tracker(preset)
    geometry.crops = timed("crop", geometry.crops)
    engine = tracker._engine
    engine.represent = timed("network", engine.represent)
    engine.represent_template = timed("network", engine.represent_template)

    def split() -> None:
        filter_ = tracker._target.filter
        filter_.respond, filter_.learn = timed("filter", filter_.respond), timed("filter", filter_.learn)

    def run() -> dict:
        seconds.clear()
        start = time.perf_counter()
        answer = _tracked(tracker, source, count, size, split)
        total = time.perf_counter() - start
        parts = {"decode": answer["times"]["decode"], **{part: seconds[part] for part in ("crop", "network", "filter")}}
        return {**answer, "times": {**parts, "rest": total - sum(parts.values())}}

    return run


def peer(name: str, source: str, count: int, size: Size = None) -> Callable:
    """OpenCV's trackers without a network."""
    from rar_gluon.evaluation.peers import peer as make

    cv2.setNumThreads(_threads())
    return lambda: _tracked(make(name), source, count, size)


def opencv_network(name: str, models: str, source: str, count: int, size: Size = None) -> Callable:
    """OpenCV's trackers with a network, whose ONNX files come from `--models`."""
    files = {key: str(Path(models) / file) for key, file in OPENCV_MODELS[name].items()}
    missing = [file for file in files.values() if not Path(file).is_file()]
    if missing:
        raise SystemExit(f"its network is not at {missing[0]}: give the folder of OpenCV's models by --models.")
    cv2.setNumThreads(_threads())
    parameters = getattr(cv2, f"Tracker{name}_Params")()
    for key, file in files.items():
        setattr(parameters, key, file)

    class Tracker:
        def init(self, frame, box):
            self.tracker = getattr(cv2, f"Tracker{name}_create")(parameters)
            self.tracker.init(frame, tuple(int(round(value)) for value in box))

        def update(self, frame):
            return self.tracker.update(frame)[1]

    return lambda: _tracked(Tracker(), source, count, size)


def siamrpn(source: str, count: int, size: Size = None) -> Callable:
    """GluonCV's SiamRPN with random weights: it takes the same time, and finds nothing."""
    import mxnet as mx
    from gluoncv.model_zoo import get_model
    from gluoncv.model_zoo.siamrpn.siamrpn_tracker import SiamRPNTracker

    network = get_model("siamrpn_alexnet_v2_otb15", pretrained=False)
    network.initialize()
    network.hybridize(static_alloc=True, static_shape=True)

    class Tracker:
        def init(self, frame, box):
            self.tracker = SiamRPNTracker(network)
            self.tracker.init(frame, tuple(box), mx.cpu())
            self.box = box

        def update(self, frame):
            self.tracker.track(frame, mx.cpu())
            self.tracker.center_pos = np.array([self.box[0] + self.box[2] / 2, self.box[1] + self.box[3] / 2])
            self.tracker.size = np.array(self.box[2:])  # back to a box of a sensible size
            return [float("nan")] * 4

    return lambda: _tracked(Tracker(), source, count, size)


def _tracker(preset: str, runtime: str = "mxnet", **chosen: str):
    from rar_gluon.config import load
    from rar_gluon.tracking.tracker import Tracker

    config, weights = load(preset), None
    if preset != "rar_thin" and runtime == "mxnet":  # random weights take the same time
        from rar_gluon.net.rar import build

        weights = build(config.network)
    return Tracker(config, weights, runtime=runtime, **chosen)


def _tracked(tracker, source: str, count: int, size: Size, after_init: Callable = lambda: None) -> dict:
    """Decode and track the first `count` frames."""
    boxes, decoding = [], Counter()
    start = time.perf_counter()
    for number, frame in enumerate(_decoded(source, count, size, decoding)):
        if number:
            boxes.append([float(value) for value in tracker.update(frame)])
        else:
            tracker.init(frame, video.first_box(source, size))
            after_init()
    seconds, frames = time.perf_counter() - start, len(boxes) + 1
    return {
        "items": frames,
        "times": {"decode": decoding["seconds"]},
        "values": {"frames/s": frames / seconds, "boxes": boxes},
    }


def _decoded(source: str, count: int, size: Size, spent: Counter) -> Iterator[np.ndarray]:
    frames = video.frames(source, count, size)
    while True:
        start = time.perf_counter()
        frame = next(frames, None)
        spent["seconds"] += time.perf_counter() - start
        if frame is None:
            return
        yield frame


def _threads() -> int:
    import os

    return int(os.environ["OMP_NUM_THREADS"])
