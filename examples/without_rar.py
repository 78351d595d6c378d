"""RAR's tracker in 120 lines of numpy, OpenCV and ONNX Runtime, without this package: for other programs and languages.

    rar export GRAPHS                                      # or the folder rar_gluon/assets/onnx of the package
    python examples/without_rar.py GRAPHS video.mp4 x,y,w,h

prints a line x,y,w,h for each frame, as `rar track --runtime onnx` writes while the target is seen. The search for a
lost one, redetection.py, is left out. GRAPHS/tracker.json has all the numbers.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime


class Tracker:
    """Tracks one target with the graphs of a folder: `init(frame, box)`, then `update(frame) -> box`."""

    def __init__(self, folder):
        self.meta = json.loads(Path(folder, "tracker.json").read_text())
        self.settings, self.stride = self.meta["config"]["tracking"], self.meta["config"]["network"]["stride"]
        providers = ["CPUExecutionProvider"]
        self.graphs = {
            name: onnxruntime.InferenceSession(str(Path(folder, f"{name}.onnx")), providers=providers)
            for name in ("represent", "template", "learn", "respond")
        }

    def run(self, name, **inputs):
        """Results of a graph; names that it does not know are left out."""
        known = self.meta["graphs"][name]["inputs"]
        return self.graphs[name].run(None, {key: value for key, value in inputs.items() if key in known})

    def zeros(self, name, is_chosen):
        """Zeros of the shapes of a graph's inputs."""
        shapes = self.meta["graphs"][name]["inputs"]
        return {key: np.zeros(shape, np.float32) for key, shape in shapes.items() if is_chosen(key)}

    def init(self, frame, box):
        """Start with the target in box (x, y, w, h) of a frame (H, W, 3), BGR."""
        self.box = tuple(float(value) for value in box)
        self.state = self.zeros("template", lambda key: key.startswith("state"))
        self.filter = self.zeros("learn", lambda key: key in ("n_re", "n_im", "d"))
        z0 = self.learn(frame, 1.0)
        self.first = self.run("respond", x=z0, **self.filter)[0].max()

    def update(self, frame):
        """Find the target on the next frame, learn from it, and return its box."""
        settings, size = self.settings, self.settings["input_size"]
        steps = np.arange(settings["scales"]) - settings["scales"] // 2
        cx, cy, width, height = self.window()
        windows = [(cx, cy, width * settings["scale_step"] ** s, height * settings["scale_step"] ** s) for s in steps]
        patches = np.stack([crop(frame, window, size) for window in windows])
        (x,) = self.run("represent", image=patches, **self.state)
        (responses,) = self.run("respond", x=x, **self.filter)
        penalties = np.where(steps < 0, settings["scale_penalty"], settings["scale_penalty_larger"]) ** (steps != 0)
        best = int(np.argmax(responses.max(axis=(1, 2)) * penalties))
        dy, dx = peak(responses[best])
        _, _, w, h = self.box
        cx += dx * self.stride * windows[best][2] / size
        cy += dy * self.stride * windows[best][3] / size
        factor = windows[best][2] / width
        self.box = limited(cx, cy, w * factor, h * factor, frame.shape)
        rate = settings["learning_rate"]
        if settings["adaptive_rate"]:
            rate = min(1.0, max(0.0, rate * responses[best].max() / max(self.first, 1e-6)))
        self.learn(frame, rate)
        return self.box

    def window(self):
        """Search window (cx, cy, width, height) of the box."""
        (x, y, w, h), p, kind = self.box, self.settings["padding"], self.settings["window"]
        side = (w * h) ** 0.5
        sides = {"per-axis": ((1 + p) * w, (1 + p) * h), "margin": (w + p * side, h + p * side)}
        return (x + w / 2, y + h / 2, *sides.get(kind, ((1 + p) * side, (1 + p) * side)))

    def learn(self, frame, rate):
        """Move state and filter to the box on a frame; returns z0."""
        size, larger, method = self.settings["input_size"], self.meta["template_size"], self.meta["config"]["filter"]
        (cx, cy, width, height), (_, _, w, h) = self.window(), self.box
        windows = [(cx, cy, width * larger / size, height * larger / size)]
        if method["contexts"] and method["context_source"] == "image":
            windows += [(cx + dx, cy + dy, width, height) for dx, dy in ((0, -h), (0, h), (-w, 0), (w, 0))]
        patches = np.stack([crop(frame, window, larger) for window in windows])
        outputs = dict(
            zip(self.meta["graphs"]["template"]["outputs"], self.run("template", image=patches, **self.state))
        )
        self.state = {key: outputs[f"new_{key}"] for key in self.state}
        inputs = {**outputs, **self.filter, "rate": np.array([rate], np.float32)}
        self.filter = dict(zip(self.filter, self.run("learn", **inputs)))
        return outputs["z0"]


def crop(frame, window, size):
    """Cut a window out of a frame and resize it to (size, size, 3); beyond the frame its border repeats."""
    cx, cy, width, height = window
    fine = int(min(max(width / size, height / size, 1), 8))
    zx, zy = width / (size * fine), height / (size * fine)
    matrix = np.array([[zx, 0, cx - width / 2 + zx / 2 - 0.5], [0, zy, cy - height / 2 + zy / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(frame, matrix, (size * fine, size * fine), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return patch if fine == 1 else cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA)


def peak(response):
    """Displacement (dy, dx) in cells of the maximum, below a cell by a Gaussian through its neighbours."""
    top, displacement = np.unravel_index(int(np.argmax(response)), response.shape), []
    for axis, length in enumerate(response.shape):
        line = np.take(response, top[1 - axis], axis=1 - axis).astype(np.float64)
        values = line[[(top[axis] + step) % length for step in (-1, 0, 1)]]
        before, middle, after = np.log(values) if values.min() > 0 else values
        bend = before - 2 * middle + after
        signed = top[axis] - length if top[axis] > length // 2 else top[axis]
        displacement.append(signed + (0.5 * (before - after) / bend if bend < 0 else 0.0))
    return displacement


def limited(cx, cy, w, h, shape):
    """Box with its centre on the frame, and sides from two pixels to the frame's."""
    height, width = shape[:2]
    cx, cy = min(max(cx, 0.0), width), min(max(cy, 0.0), height)
    shrink = min(1.0, width / w, height / h)
    grow = max(1.0, 2 / (w * shrink), 2 / (h * shrink))
    w, h = (min(max(side * shrink * grow, 2.0), most) for side, most in ((w, width), (h, height)))
    return cx - w / 2, cy - h / 2, w, h


def main(folder, video, box):
    """Print the box of each frame."""
    capture, tracker = cv2.VideoCapture(video), Tracker(folder)
    read, frame = capture.read()
    tracker.init(frame, [float(value) for value in box.split(",")])
    while read:
        print(",".join(f"{value:.2f}" for value in tracker.box))
        read, frame = capture.read()
        if read:
            tracker.update(frame)


if __name__ == "__main__":
    main(*sys.argv[1:])
