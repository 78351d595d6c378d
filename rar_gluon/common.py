"""What every room needs and none owns: the error a user reads, and files that appear whole or not at all."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import platform
import re
import secrets
import signal
import sys
import threading
import zlib
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Mapping

from tqdm import tqdm

LOG_SECONDS = 30  # between the lines of a bar in a log file
LONGEST_WORD = 500  # characters, in a message; a path may have many


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence: what is wrong, where, what to do. The command line prints it and exits with status 2.

    Examples
    --------
    >>> import rar_gluon as rar
    >>> rar.load_config("rar_fat")
    Traceback (most recent call last):
        ...
    rar_gluon.common.InputError: no config rar_fat: give a YAML file or one of the presets rar, rar_thin.
    """

    def __init__(self, message: str):
        """Keep the message, with only the ends of a word that is longer than any name, from a damaged file."""
        super().__init__(re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: f"{word[0][:60]}...{word[0][-20:]}", message))


class Notice(UserWarning):
    """Something that works, but perhaps not as the user thinks; the command line prints it as a line."""


class Stopped(KeyboardInterrupt):
    """A signal asks to stop, as Ctrl-C does; `number` says which."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number

    @property
    def status(self) -> int:
        """Exit status of a command that a signal stopped, as shells give it."""
        return 128 + self.number


@contextmanager
def stoppable() -> Iterator[None]:
    """While this runs, SIGTERM and SIGHUP raise `Stopped` in the main thread, once."""

    def stop(number: int, before: Mapping[int, Any]) -> None:
        for other in before:  # what is done now is kept; a second signal must not stop that
            signal.signal(other, signal.SIG_IGN)
        raise Stopped(number)

    with _stop_signals(stop):
        yield


@contextmanager
def postponed_stop(heeded: bool = True) -> Iterator[List[int]]:
    """While this runs, Ctrl-C, SIGTERM and SIGHUP only enter the list, for work that looks there when it can stop.

    A second signal does what it did before. With `heeded` False all of them are ignored.
    """
    asked: List[int] = []

    def ask(number: int, before: Mapping[int, Any]) -> None:
        if heeded:
            asked.append(number)
            signal.signal(number, before[number])

    with _stop_signals(ask, signal.SIGINT):
        yield asked


@contextmanager
def _stop_signals(act: Callable[[int, Mapping[int, Any]], None], *more: int) -> Iterator[None]:
    """Let SIGTERM, SIGHUP and `more` call `act` with their number and all handlers before.

    A signal that is ignored (nohup) stays so. Outside of the main thread signals are the caller's business.
    """
    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []), *more]
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in numbers if main}
    before = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, lambda received, _: act(received, before))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def about_writing(path: str | os.PathLike, *others: Path) -> Iterator[None]:
    """Turn what the system says about writing `path` (a full disk, a folder that is read-only) into `InputError`.

    Errors that name other files than it or `others` pass.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None and Path(os.fsdecode(error.filename)) not in (Path(path), *others):
            raise
        raise InputError(f"{path} cannot be written: {error.strerror or error}.") from error


@contextmanager
def about_reading(path: str | os.PathLike) -> Iterator[None]:
    """Turn what the system says about reading `path`, or what is in it, into `InputError`."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{error.filename or path} cannot be read: {error.strerror or error}.") from error


def check_readable(path: str | os.PathLike) -> None:
    """Raise `InputError` where the system refuses to read a file: one that may not be read is not damaged."""
    with about_reading(path):
        Path(path).open("rb").close()


def output_path(path: str | os.PathLike) -> Path:
    """Make the folder of a file that is to be written, and try it; gives where it is, behind links.

    Raises
    ------
    InputError
        No such file can be written.
    """
    path = Path(path)
    with about_writing(path):
        return _open_place(path)


def _open_place(path: Path) -> Path:
    """`output_path`, but errors come as the system has them."""
    try:
        place = Path(os.path.realpath(path)) if path.is_symlink() else path
        if place.is_dir():
            raise InputError(f"{path} is a folder: give the name of a file to write.")
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists() and not place.is_file():
            raise InputError(f"{path} is a pipe or a device: give the name of a file to write.")
        _clear(place)
        temporary = _beside(place)
        temporary.touch()
        temporary.unlink()
    except OSError as error:  # without the name: it may be that of a parent or of the trial
        raise OSError(error.errno, error.strerror) from error
    return place


def _beside(path: Path) -> Path:
    """A new name in the folder of a file, with its suffix, by which video and image writers choose their format."""
    suffix = path.suffix if len(path.suffix) <= 16 else ""
    return path.with_name(f"{_mark(path)}{os.getpid()}-{secrets.token_hex(4)}{suffix}")


def _mark(path: Path) -> str:
    """What the temporary names of one file begin with on this machine; short, as its name may be as long as can be."""
    return f".{zlib.crc32(os.fsencode(f'{platform.node()}/{path.name}')):08x}-"


def _clear(path: Path) -> None:
    """Remove what processes of this machine that were killed amid writing a file have left of it."""
    mark = _mark(path)
    for left in path.parent.glob(f"{mark}*"):
        number = left.name[len(mark) :].partition("-")[0]
        if number.isdecimal() and not _is_running(int(number)):
            with suppress(OSError):  # another user's, or just removed
                left.unlink()


def _is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def inside(folder: str | os.PathLike, name: str) -> Path:
    """Path of `name` in a folder; `InputError` where a name, read from a file perhaps, leads out of it."""
    path = Path(folder) / name
    if Path(name).is_absolute() or ".." in Path(name).parts or not Path(name).parts or "\0" in name:
        raise InputError(f"the name {name!r} leads out of {folder}: rename it.")
    return path


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` when the block ends well, remove it when it does not.

    A link is written through; a pipe or a device is refused. What a process that was killed has left of writing the
    same file is removed.

    Raises
    ------
    InputError
        The file cannot be written, as the system says of it in the block too.
    """
    path = Path(path)
    with about_writing(path):
        place = _open_place(path)
    temporary = _beside(place)
    try:
        with about_writing(path, place, temporary):
            yield temporary
            os.replace(temporary, place)
    finally:
        temporary.unlink(missing_ok=True)


def expanded(text: str | os.PathLike) -> Path:
    """Path of a text whose ~ is the home folder; `InputError` where it names nobody's."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InputError(f"{text} names the home folder of nobody.") from None


def is_file(text: str | os.PathLike) -> bool:
    """Tell whether a text, which may be longer than names can be, is the path of a file."""
    try:
        return Path(text).is_file()
    except OSError:
        return False


def read_text(path: str | os.PathLike) -> str:
    """Text of a file in UTF-8; `InputError` when it cannot be read or is none."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path} cannot be read: it is no text in UTF-8.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def read_any_json(path: str | os.PathLike) -> Any:
    """Value of a JSON file; `InputError` when it cannot be read."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged, it is no JSON: {str(error)[:80]}.") from None


def read_json(path: str | os.PathLike) -> dict:
    """Object of a JSON file; `InputError` when it cannot be read or holds anything else."""
    value = read_any_json(path)
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged: it holds no JSON object.")
    return value


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def csv_text(rows: Iterable[Iterable]) -> str:
    """Text of a CSV file, a line a row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def output_folder(path: str | os.PathLike) -> Path:
    """Try whether files can be written into a folder, which is made with the first; `InputError` when they cannot."""
    path = Path(path)
    with about_writing(path):
        there = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
        if not there.is_dir():
            raise InputError(f"{there} is a file: give the name of a folder to write into.")
        _open_place(there / ".trial")
    return path


def in_this_folder(function: Callable) -> Callable:
    """`function` for worker processes, which are reused and would stay in the folder that they were started in."""
    return partial(_call_in, os.getcwd(), function)


def _call_in(folder: str, function: Callable, *arguments: Any) -> Any:
    os.chdir(folder)
    return function(*arguments)


@contextmanager
def owned(folder: str | os.PathLike) -> Iterator[None]:
    """Keep other processes out of an output folder, which is made, while the block runs.

    The lock is the system's, on the folder itself: it ends with the process, whatever ends that, and leaves no file.

    Raises
    ------
    InputError
        Another process has it, or it cannot be made.
    """
    folder = Path(folder)
    new = not folder.exists()
    with about_writing(folder, *folder.parents):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)
        if new:
            with suppress(OSError):  # it holds something: nothing was refused
                folder.rmdir()


def lock(descriptor: int, path: str | os.PathLike) -> None:
    """Lock an open file or folder until it is closed; `InputError` when another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"another process is writing {path}: wait for it, end it, or give another name.") from None
    except OSError:  # a file system without locks, as some of a network are: nobody can be kept out
        return


def check_unwritten(path: str | os.PathLike) -> None:
    """Raise `InputError` when another process of this machine is writing a file under a temporary name."""
    mark = _mark(Path(path))
    numbers = (left.name[len(mark) :].partition("-")[0] for left in Path(path).parent.glob(f"{mark}*"))
    if any(number.isdecimal() and int(number) != os.getpid() and _is_running(int(number)) for number in numbers):
        raise InputError(f"another process is writing {path}: wait for it, end it, or give another name.")


def check_outputs(outputs: Iterable[Path | None], inputs: Iterable[str | os.PathLike]) -> None:
    """Raise `InputError` when an output is one of the inputs, or two outputs are one file; None: no output."""
    read = {_identity(path): Path(path) for path in inputs}
    written = {}
    for path in filter(None, outputs):
        identity = _identity(path)
        if identity in read:
            raise InputError(f"{path} is read here, so it cannot be written to: give another name.")
        if identity in written:
            raise InputError(f"{path} is named for two outputs: give each a name of its own.")
        written[identity] = path


def _identity(path: str | os.PathLike):
    """What is equal for two names of one file: the system's numbers, or where it would be."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


def progress(iterable: Iterable | None = None, disable: bool = False, **options) -> tqdm:
    """A bar as `tqdm` draws it; in a log file a line from time to time; nothing with --quiet."""
    disable = disable or os.environ.get("RAR_QUIET", "") not in ("", "0") or sys.stderr is None
    if not disable and sys.stderr.isatty():
        return tqdm(iterable, disable=disable, **options)
    return tqdm(
        iterable,
        disable=disable,
        file=_Log(),
        ncols=100,
        mininterval=LOG_SECONDS,
        maxinterval=2 * LOG_SECONDS,
        **options,
    )


class _Log:
    """Standard error for a bar that is written to a file: a line each time instead of one that is overwritten."""

    def write(self, text: str) -> None:
        text = text.strip("\r\n ")
        if text:
            say(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def say(text: str) -> None:
    """Print a line to standard error; where that is closed or full, the work goes on."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)
