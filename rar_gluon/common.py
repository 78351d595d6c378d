"""What every room needs and none owns: the error a user reads, and files that appear whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence: what is wrong, where, what to do. The command line prints it and exits with status 2.
    """


def output_path(path: str | os.PathLike) -> Path:
    """Make the folder of a file that is to be written; `InputError` where no such file can be."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the name of a file to write.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written, {path.parent} is no folder ({error.strerror}).") from error
    return path


def inside(folder: str | os.PathLike, name: str) -> Path:
    """Path of `name` in a folder; `InputError` where a name, read from a file perhaps, leads out of it."""
    path = Path(folder) / name
    if Path(name).is_absolute() or ".." in Path(name).parts or not Path(name).parts or "\0" in name:
        raise InputError(f"the name {name!r} leads out of {folder}: rename it.")
    return path


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well, remove it when it does not.

    The temporary name keeps the suffix of `path`, because video and image writers choose their format by it.
    """
    path = output_path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
