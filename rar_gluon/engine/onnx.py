"""The engine on ONNX Runtime, on the CPU: the graphs that `rar export` writes, without MXNet and without onnx."""

from __future__ import annotations

import copy
import hashlib
import itertools
import os
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence

import numpy as np

from rar_gluon import geometry
from rar_gluon.common import InputError, read_json
from rar_gluon.config import Config, to_dict
from rar_gluon.processes import threads

SHIPPED = Path(__file__).parents[1] / "assets" / "onnx" / "tracker.json"  # of rar_thin's weights
TRACKER, FORMAT = "tracker.json", 1
COMPUTES = {  # what of a configuration the graphs hold
    "network": None,  # all of it
    "filter": ("lambda1", "lambda2", "contexts", "context_source", "denominator", "label_sigma"),
    "tracking": ("input_size", "padding"),
}
FILTER = ("n_re", "n_im", "d")  # numerator and denominator of Eq. 10


class OnnxEngine:
    """Representations and the filter by the graphs of a folder (`Engine`); arrays are numpy's.

    Parameters
    ----------
    config : the whole configuration.
    path : the folder, or its tracker.json.
    precision : "fp32", or "int8" for the backbone.

    Raises
    ------
    InputError
        onnxruntime is missing; the folder is none of `rar export`, damaged, without int8, or of another configuration.
    """

    net = None

    def __init__(self, config: Config, path: str | os.PathLike, precision: str = "fp32"):
        self._runtime = _import_runtime()
        self.weights = graph_file(path)
        folder, record = self.weights.parent, read_record(self.weights)
        _check_config(config, record, self.weights)
        suffix = "" if precision == "fp32" else f"_{precision}"
        if f"represent{suffix}" not in record["graphs"]:
            raise InputError(f"{folder} has no graphs in {precision}: write them with rar export --{precision}.")
        files = {part: f"{part}{suffix}" for part in ("represent", "template")}
        files.update(learn="learn", respond="respond")
        self._described = {part: record["graphs"][name] for part, name in files.items()}
        self._sessions = {part: self._open(folder / f"{name}.onnx") for part, name in files.items()}
        self.confidence = tuple(record["confidence"])

    def _open(self, path: Path) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = threads()
        options.log_severity_level = 3
        # Idle threads that spin would take the cores from each other's sessions, and from other programs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return self._runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own, of many classes
            raise InputError(f"{path} cannot be opened by ONNX Runtime {self._runtime.__version__}: {error}") from error

    def _run(self, part: str, **given: np.ndarray) -> List[np.ndarray]:
        """Results of a graph. Arrays are numpy's: kept as ONNX Runtime's own, with IO binding, no frame was faster."""
        return self._sessions[part].run(None, {name: given[name] for name in self._described[part]["inputs"]})

    def begin_state(self) -> List[np.ndarray]:
        inputs = self._described["template"]["inputs"]
        return [np.zeros(shape, np.float32) for name, shape in inputs.items() if name.startswith("state")]

    def represent(self, patches: np.ndarray, state: List[np.ndarray]) -> np.ndarray:
        return self._run("represent", image=patches, **_named(state))[0]

    def represent_template(self, patches: np.ndarray, state: List[np.ndarray]):
        z0, *rest = self._run("template", image=patches, **_named(state))
        contexts = len(rest) - len(state)
        return z0, rest[0] if contexts else None, rest[contexts:]

    def new_filter(self, template: np.ndarray) -> OnnxFilter:
        shapes = self._described["learn"]["inputs"]
        return OnnxFilter(self._run, {name: np.zeros(shapes[name], np.float32) for name in FILTER})


class OnnxFilter:
    """The filter of Eq. 10-11, for one target (`rar_gluon.engine.Filter`).

    Parameters
    ----------
    run : computes a graph by its name.
    parts : n (real, imaginary part) and D, all zero.
    """

    def __init__(self, run: Callable, parts: Dict[str, np.ndarray]):
        self._run, self._parts, self._empty = run, parts, True

    def __deepcopy__(self, memo: dict) -> OnnxFilter:
        return copy.copy(self)  # graphs compute alike for both, and parts are replaced, never changed

    def learn(self, z0: np.ndarray, zi: np.ndarray | None, rate: float) -> None:
        """Move the filter towards a template z0 (D, H, W) with contexts zi (k, D, H, W); the first call sets it."""
        rate, self._empty = (1.0 if self._empty else rate), False
        contexts = {} if zi is None else {"zi": zi}
        given = {"z0": z0[None], **contexts, **self._parts, "rate": np.array([rate], np.float32)}
        self._parts = dict(zip(FILTER, self._run("learn", **given)))

    def respond(self, x: np.ndarray) -> np.ndarray:
        """Responses (S, H, W) of search regions x (S, D, H, W); the peak of an unmoved target is at (0, 0)."""
        return self._run("respond", x=x, **self._parts)[0]


def template_side(config: Config) -> int:
    """Side of the patches that templates are computed from, pixels: larger where contexts are cut from their map."""
    size, stride, padding = config.tracking.input_size, config.network.stride, config.tracking.padding
    if not config.filter.contexts or config.filter.context_source == "image":
        return size
    return size + 2 * geometry.context_margin(size, stride, padding)


def graph_file(path: str | os.PathLike) -> Path:
    """The tracker.json of a folder of graphs, by the folder's or its own name; the package's is whole, or refused.

    Raises
    ------
    InputError
        There is none.
    """
    path = Path(path)
    if path.is_dir():
        path /= TRACKER
    if path.name != TRACKER or not path.is_file():
        raise InputError(
            f"{path} is no folder of graphs, which ONNX Runtime needs: write one with rar export DIR, where MXNet is."
        )
    return path


def read_record(path: Path) -> Dict:
    """What a tracker.json says, of files that are as they were written; `InputError` where they are not."""
    record = read_json(path)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(f"{path} is of another version of rar-gluon: write the graphs again with rar export.")
    if not _is_whole(record):
        raise InputError(f"{path} is damaged: write the graphs again with rar export.")
    for name, expected in record["files"].items():
        try:
            found = hashlib.sha256((path.parent / name).read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(f"{path.parent / name} cannot be read: {error.strerror}.") from error
        if found != expected:
            raise InputError(f"{path.parent / name} is damaged: write the graphs again, or install rar-gluon again.")
    return record


def _is_whole(record: Mapping) -> bool:
    """Tell whether a tracker.json has all that is read of it."""
    try:
        half, slope = record["confidence"]
        parts = [(graph["inputs"], graph["outputs"]) for graph in record["graphs"].values()]
        mappings = [record["files"], *(record["config"][section] for section in COMPUTES), *itertools.chain(*parts)]
        names = set(record["graphs"]) >= {"represent", "template", "learn", "respond"}
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    numbers = all(isinstance(value, (int, float)) and value > 0 for value in (half, slope))
    return numbers and names and all(isinstance(mapping, dict) for mapping in mappings)


def _check_config(config: Config, record: Mapping, path: Path) -> None:
    """Raise `InputError` where graphs compute with another configuration."""
    there, here = record["config"], to_dict(config)
    differing = [
        f"{section}.{name} is {there[section].get(name)} there and {here[section][name]} here"
        for section, names in COMPUTES.items()
        for name in names or here[section]
        if there[section].get(name) != here[section][name] and name != "statistics"  # of training
    ]
    if differing:
        raise InputError(
            f"the graphs of {path.parent} compute another tracker ({'; '.join(differing)}): write this one's with "
            "rar export, where MXNet is, and give its folder by --weights."
        )


def _named(state: Sequence[np.ndarray]) -> Dict[str, np.ndarray]:
    return {f"state{index}": part for index, part in enumerate(state)}


def _import_runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError("onnxruntime is missing: pip install 'rar-gluon[onnx]'.") from error
    return onnxruntime
