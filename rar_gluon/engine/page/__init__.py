"""A page that tracks in the browser, without a server: the graphs of a folder, with onnxruntime-web of npm beside them.

Everything binary is in files.js as base64, so that the page also opens as a file, where browsers fetch nothing.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from pathlib import Path
from typing import List

from rar_gluon.common import InputError, atomic_path, write_text
from rar_gluon.engine.onnx import TRACKER

HERE = Path(__file__).parent
SCRIPT = "ort.wasm.min.js"
RUNTIME = ("ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")  # what it loads
GRAPHS = (TRACKER, "represent.onnx", "template.onnx", "learn.onnx", "respond.onnx", "weights.bin")


def runtime_files(package: str | os.PathLike) -> Path:
    """The folder of onnxruntime-web's files, of the folder that npm installed it into.

    Raises
    ------
    InputError
        It has none.
    """
    folder = Path(package) / "dist"
    missing = [name for name in (SCRIPT, *RUNTIME) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder} has no {missing[0]}: npm install onnxruntime-web@1.20.1, and give node_modules/onnxruntime-web."
        )
    return folder


def write_page(graphs: str | os.PathLike, package: str | os.PathLike) -> List[Path]:
    """Write index.html and what it needs into a folder of graphs (`engine.export.export`); returns the files.

    Parameters
    ----------
    graphs : the folder.
    package : where npm installed onnxruntime-web.

    Raises
    ------
    InputError
        `package` is none.
    """
    graphs, runtime = Path(graphs), runtime_files(package)
    written = []
    for source in (HERE / "index.html", HERE / "tracker.js", runtime / SCRIPT):
        with atomic_path(graphs / source.name) as temporary:
            shutil.copyfile(source, temporary)
        written.append(graphs / source.name)
    kept = [*(graphs / name for name in GRAPHS), *(runtime / name for name in RUNTIME)]
    contents = {path.name: base64.b64encode(path.read_bytes()).decode() for path in kept}
    write_text(graphs / "files.js", f"const RAR_FILES = {json.dumps(contents)};\n")
    return [*written, graphs / "files.js"]
