"""The command `rar`: parse, call, print."""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from typing import Sequence

import shtab

from rar_gluon import __version__
from rar_gluon.cli.config import add_config
from rar_gluon.cli.data import add_data
from rar_gluon.cli.doctor import add_doctor
from rar_gluon.cli.evaluate import add_eval, add_report, add_results, add_score, add_trax
from rar_gluon.cli.export import add_convert, add_export
from rar_gluon.cli.show import add_show
from rar_gluon.cli.track import add_demo, add_track
from rar_gluon.cli.training import add_launch, add_prepare, add_train
from rar_gluon.common import InputError, Notice, Stopped, say, stoppable
from rar_gluon.memory import keep_freed_memory
from rar_gluon.processes import check_variables

COMMANDS = (
    add_track,
    add_demo,
    add_eval,
    add_score,
    add_results,
    add_report,
    add_prepare,
    add_train,
    add_launch,
    add_trax,
    add_data,
    add_show,
    add_config,
    add_export,
    add_convert,
    add_doctor,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    The exit status: 0 done, 1 a part failed, 2 unusable input or a disk that cannot be written, 130 interrupted, 128
    and the signal's number when a signal stopped it.
    """
    _open_streams()
    arguments = make_parser().parse_args(argv)
    keep_freed_memory()
    warnings.formatwarning = _notice
    os.environ["MPLBACKEND"] = "Agg"  # pictures go to files, whatever backend is asked for
    if arguments.quiet:
        os.environ["RAR_QUIET"] = "1"  # for processes that are started, too
    try:
        check_variables()
        with stoppable():
            status = arguments.run(arguments) or 0
            sys.stdout.flush()
            return status
    except InputError as error:
        return _fail(str(error), 2)
    except Stopped as stop:
        return _fail(f"stopped by {stop}.", stop.status)
    except KeyboardInterrupt:
        return _fail("interrupted.", 130)
    except BrokenPipeError:  # the reader of our output left: `rar config --explain | head`
        _drop_output()
        return 1
    except ModuleNotFoundError as error:
        if error.name != "mxnet":
            raise
        return _fail(
            "this needs MXNet, which is not installed: pip install 'rar-gluon[cpu]', or [cu112] or [cu102] for GPUs; "
            "it has wheels for Python 3.8 to 3.11.",
            2,
        )
    except RuntimeError as error:  # MXNet's
        if "MXNET_" not in str(error):
            raise
        return _fail(f"MXNet refuses a variable: {str(error).splitlines()[-1]}: unset it.", 2)
    except OSError as error:  # a full disk, a folder that vanishes
        if error.errno is None:  # MXNet's libraries
            return _fail(f"a library cannot be loaded: {error}; rar doctor says more.", 2)
        if error.filename is None:
            _drop_output()
        return _fail(f"{error.filename or 'writing'} failed: {error.strerror or error}.", 2)


def _fail(message: str, status: int) -> int:
    say(f"rar: {message}")
    return status


def _open_streams() -> None:
    """Replace standard streams that are closed, as of a service: else the next file that is opened takes their place.

    Letters that an output's encoding does not have are escaped.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (until the process ends)
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Let nothing be written to standard output any more, as Python would try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _notice(message, category, *place, _usual=warnings.formatwarning, **more) -> str:
    """A warning as text: what is for the user as one line, the rest as usual."""
    return f"rar: {message}\n" if issubclass(category, Notice) else _usual(message, category, *place, **more)


class Parser(argparse.ArgumentParser):
    """Says of an argument that a command does not know the usage of that command, not of `rar`."""

    def parse_known_args(self, args=None, namespace=None):
        namespace, rest = super().parse_known_args(args, namespace)
        if rest:
            blanks = any(re.fullmatch(r"[-+.\d]*,?[-+.\d]+,?", part) for part in rest) and hasattr(namespace, "init")
            hint = "; a box has no blanks, as in --init 214,120,60,80" if blanks else ""
            self.error(f"unrecognized arguments: {' '.join(rest)}{hint}")
        return namespace, rest


def make_parser() -> argparse.ArgumentParser:
    """Make the command line's parser."""
    parser = Parser(
        prog="rar",
        description="The visual tracker RAR in MXNet/Gluon.",
        epilog="example: rar track video.mp4 --init 214,120,60,80 --boxes boxes.txt",
    )
    parser.add_argument("--version", action="version", version=f"rar-gluon {__version__}")
    shtab.add_argument_to(parser, "--print-completion", help="print a script that completes commands in this shell")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    return parser
