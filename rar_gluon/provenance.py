"""run.json: what a folder's results depend on, written before the work and compared before it goes on."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any, Dict, Mapping
from typing import Sequence as ListOf

from rar_gluon.common import InputError, read_json, write_text
from rar_gluon.strict_yaml import display_text

PACKAGES = ("rar-gluon", "mxnet", "numpy", "opencv-contrib-python-headless", "gluoncv", "onnxruntime")


def describe_run(config: Any, weights: Path | None) -> Dict:
    """Record what results depend on: configuration, hash of the weights, versions, commit, machine."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "config": config,
        "weights": None if weights is None else file_hash(weights),
        "versions": versions,
        "python": platform.python_version(),
        "commit": _git_commit(),
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "system": platform.platform()},
    }


def file_hash(path: Path) -> str:
    """SHA-256 of a file; `InputError` when it cannot be read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def folder_hash(folder: Path) -> str:
    """SHA-256 of the names and sizes of all files below a folder: what changes when the data set does."""
    files = sorted((path.relative_to(folder).as_posix(), path) for path in Path(folder).rglob("*") if path.is_file())
    listing = "".join(f"{name}\0{path.stat().st_size}\0" for name, path in files)
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()


def keep_record(path: Path, record: Mapping, fixed: ListOf[str]) -> None:
    """Write run.json, or check that the one there is the same in the keys `fixed`.

    Raises
    ------
    InputError
        It differs, with the field and both values; or is damaged.
    """
    if not path.is_file():
        write_text(path, json.dumps(record, indent=1) + "\n")
        return
    try:
        old = read_json(path)
    except InputError as error:
        raise InputError(f"{error} Remove it, or give another folder.") from None
    for key in fixed:
        difference = _difference(old.get(key), json.loads(json.dumps(record.get(key))), key)
        if difference:
            raise InputError(f"{path.parent} was made with {difference}: give another folder, or remove it.")


def _difference(old: Any, new: Any, path: str) -> str:
    """Where two values first differ, and how, or ""."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            difference = _difference(old.get(key), new.get(key), f"{path}.{key}")
            if difference:
                return difference
        return ""
    return "" if old == new else f"another {path}, {display_text(old)} there and {display_text(new)} here"


def _git_commit() -> str | None:
    """Commit of the checkout this package is in, with + when it has changes; None outside of one."""
    folder = Path(__file__).parent
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
        status = subprocess.run(
            ["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.stdout.strip() + ("+" if status.stdout.strip() else "")


def _processor() -> str:
    """Name of the processor, as Linux gives it, or what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
