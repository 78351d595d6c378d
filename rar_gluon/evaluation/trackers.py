"""The two methods that the runner calls, and how a tracker is made of what the user named or gave."""

from __future__ import annotations

import functools
import hashlib
import importlib
import inspect
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Protocol, Sequence

import numpy as np

from rar_gluon import config as configuration
from rar_gluon.common import InputError, is_file
from rar_gluon.config import Config
from rar_gluon.engine import check_runtime, weights_file
from rar_gluon.provenance import describe_run


class TwoMethodTracker(Protocol):
    """What the runner runs: ours, a peer behind an adapter, or yours."""

    def init(self, frame: np.ndarray, box: Sequence[float]) -> None:
        """Start on a frame (H, W, 3) with the target in box (x, y, w, h)."""

    def update(self, frame: np.ndarray) -> Sequence[float]:
        """Return the target's box on the next frame."""


@dataclass(frozen=True)
class Runnable:
    """A tracker that can be run: its name, how it is made, what its results depend on, whether it is one object."""

    name: str
    make: Callable[[], TwoMethodTracker]
    config: Any
    weights: Path | None = None
    shared: bool = False
    runtime: str | None = None
    precision: str | None = None

    def record(self) -> Dict:
        """What `runner.run` keeps beside the results."""
        return {**describe_run(self.config, self.weights), "runtime": self.runtime, "precision": self.precision}


def to_box(answer: Any) -> np.ndarray:
    """What `update` gave as (4,) float64, NaN where it has no box; `InputError` when it is no box, or infinite."""
    try:
        box = np.asarray(answer, np.float64)
    except (TypeError, ValueError):
        box = np.empty(0)
    if box.shape != (4,) or np.isinf(box).any():
        text = " ".join(str(answer).split())[:60]
        raise InputError(f"the tracker gave {text}, but a box x, y, w, h is needed.")
    return box


def build_tracker(
    config: Config,
    weights: Path | None = None,
    pretrained: bool = False,
    device: int | None = None,
    runtime: str | None = None,
    precision: str = "fp32",
):
    """Build our tracker; weights None: those of the package; device: a GPU's number, -1 the CPU, None what is there."""
    from rar_gluon.tracking.tracker import Tracker

    runtime = check_runtime(runtime, precision)
    if runtime == "onnx":
        _check_onnx(pretrained, device)
        return Tracker(config, weights, runtime=runtime, precision=precision)
    from rar_gluon.net.device import find_device  # here: importing MXNet takes seconds, and peers do without
    from rar_gluon.net.weights import load_gluoncv

    ctx = find_device(device)
    return Tracker(config, load_gluoncv(config, ctx) if pretrained else weights, ctx, runtime=runtime)


def _check_onnx(pretrained: bool, device: int | None) -> None:
    """Raise `InputError` for what is MXNet's alone."""
    if device is not None and device >= 0:
        raise InputError("ONNX Runtime computes on the CPU here: choose --device -1, or --runtime mxnet.")
    if pretrained:
        raise InputError("--pretrained is for the runtime mxnet: write graphs with rar export DIR --pretrained first.")


def runnable(
    tracker: Any,
    weights: Path | None = None,
    pretrained: bool = False,
    device: int | None = None,
    runtime: str | None = None,
    precision: str = "fp32",
) -> Runnable:
    """Say how to make a tracker, and what its results depend on.

    Parameters
    ----------
    tracker : a preset, a YAML file, a peer's name (`peers.peer_names`), `module:factory`, a configuration; or an object
        with `init` and `update`, or a function or class that makes one.
    weights, pretrained, device, runtime, precision : of ours (`build_tracker`).

    Raises
    ------
    InputError
        Nothing is known by that name, or what it stands for cannot be made or has not the two methods.
    """
    name = str(tracker)
    given = not isinstance(tracker, (str, os.PathLike, Config))
    factory = bool(re.fullmatch(r"[^\W\d][\w.]*:[^\W\d][\w.]*", name)) and not is_file(name)
    peer = name.startswith(("cacf-", "gluoncv-", "opencv-"))
    options = {"weights": weights, "pretrained": pretrained, "device": device, "runtime": runtime}
    options["precision"] = precision != "fp32"
    idle = [option for option, value in options.items() if value is not None and value is not False]
    if (given or factory or peer) and idle:
        raise InputError(f"{idle[0]} is for rar-gluon's own trackers, which {name} is not: leave it out.")
    if given:
        return _given(tracker)
    if factory:
        return _factory(name)
    if peer:
        from rar_gluon.evaluation import peers

        make = functools.partial(peers.peer, name)
        make()  # says what is missing before the work
        return Runnable(name, make, name)
    config, runtime = configuration.load(tracker), check_runtime(runtime, precision)
    make = functools.partial(build_tracker, config, weights, pretrained, device, runtime, precision)
    name = "rar" if isinstance(tracker, Config) else configuration.name_of(name)
    weights = None if pretrained else weights_file(weights, runtime)
    return Runnable(name, make, configuration.to_dict(config), weights, runtime=runtime, precision=precision)


def _given(tracker: Any) -> Runnable:
    """An object or a factory that the caller has."""
    if isinstance(tracker, type) or not _has_methods(tracker):
        if not callable(tracker):
            raise InputError(f"{tracker!r} is no tracker: it has no methods init and update, and makes no object.")
        name = getattr(tracker, "__name__", type(tracker).__name__)
        return Runnable(name, _checked(tracker, name), {"tracker": name, "source": source_hash(tracker)})
    weights, config = getattr(tracker, "weights", None), getattr(tracker, "config", None)
    if isinstance(config, Config) and weights is not None:  # ours, on the weights of a file
        runtime = (tracker.runtime, tracker.precision)
        return Runnable("rar", lambda: tracker, configuration.to_dict(config), weights, True, *runtime)
    name = type(tracker).__name__
    return Runnable(name, lambda: tracker, {"tracker": name, "source": source_hash(type(tracker))}, shared=True)


def _factory(text: str) -> Runnable:
    """`module:factory`, of an installed module or of one in the working folder."""
    factory = find_factory(text, os.getcwd())
    make = functools.partial(_make, text, os.getcwd())
    name = text.partition(":")[2]
    _checked(make, text)()  # says what is missing before the work
    return Runnable(name, make, {"tracker": text, "source": source_hash(factory)})


def find_factory(text: str, folder: str) -> Callable:
    """Import what `module:factory` names, of `folder` or installed.

    Raises
    ------
    InputError
        It cannot be imported, or is not there.
    """
    module, _, path = text.partition(":")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return functools.reduce(getattr, path.split("."), importlib.import_module(module))
    except ImportError as error:
        raise InputError(f"the tracker {text} cannot be imported: {error}.") from error
    except AttributeError as error:
        raise InputError(f"the tracker {text} is not there: {error}.") from error
    except Exception as error:  # anybody's code
        raise InputError(f"the tracker {text} cannot be imported: {type(error).__name__}: {error}.") from error


def _make(text: str, folder: str) -> TwoMethodTracker:
    """Make a tracker of `module:factory`, in any process."""
    return find_factory(text, folder)()


def _has_methods(tracker: Any) -> bool:
    return all(callable(getattr(tracker, name, None)) for name in ("init", "update"))


def _checked(make: Callable, name: str) -> Callable[[], TwoMethodTracker]:
    """`make`, but what it makes must have the two methods."""

    def checked():
        try:
            tracker = make()
        except InputError:
            raise
        except Exception as error:  # anybody's code
            raise InputError(f"{name} cannot be made: {type(error).__name__}: {error}.") from error
        if not _has_methods(tracker):
            raise InputError(f"{name} makes a {type(tracker).__name__}, which has no methods init and update.")
        return tracker

    return checked


def source_hash(factory: Callable) -> str | None:
    """Hash of the file that something is defined in, so that results of changed code are not taken for its own."""
    try:
        return hashlib.sha256(Path(inspect.getsourcefile(factory)).read_bytes()).hexdigest()
    except (TypeError, OSError):
        return None
