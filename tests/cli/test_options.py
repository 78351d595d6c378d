import argparse
import re
from pathlib import Path

import pytest

from rar_gluon import cli
from rar_gluon.cli.options import parse_box, path
from rar_gluon.common import InputError


@pytest.mark.parametrize(
    "text, box", [("1,2,3,4", (1, 2, 3, 4)), (" 1.5, -2e1 ,3 ,4", (1.5, -20, 3, 4)), ("1 2\t3 4", (1, 2, 3, 4))]
)
def test_parse_box(text, box):
    assert parse_box(text) == box


def test_parse_box_refuses(refusal):
    with pytest.raises(InputError):
        parse_box("1,2,3")
    assert "parts of the frame" in refusal(parse_box, "0.3,0.25,0.1,0.2")


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    """Also where the shell leaves it, as in --output=~/runs."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path("~/runs") == tmp_path / "runs" and path("a/~") == Path("a/~")
    with pytest.raises(argparse.ArgumentTypeError, match="home folder of nobody"):
        path("~no-such-user/runs")


def test_no_command_takes_a_tilde_for_a_folder(monkeypatch, tmp_path, write_sequences):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write_sequences(tmp_path / "home" / "data", 1)
    command = ["eval", "--dataset", "folder", "--root=~/data", "--tracker", "opencv-kcf", "--output=~/runs"]
    assert cli.main(command) == 0 and cli.main(["data", "check", "folder", "~/data"]) == 0
    assert (tmp_path / "home" / "runs" / "opencv-kcf" / "s0.txt").is_file() and not Path("~").exists()


def parsers(parser, name="rar"):
    """A parser and those of its commands, by what is typed."""
    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, below in action.choices.items():
                yield from parsers(below, f"{name} {word}")


@pytest.mark.parametrize(
    "name, parser", list(parsers(cli.make_parser())), ids=lambda one: one if str(one) == one else ""
)
def test_a_help_page_says_what_each_option_is(name, parser):
    unexplained = [action.dest for action in parser._actions if not action.help and action.nargs != argparse.PARSER]
    assert not unexplained and not re.search(r"^ +\S", parser.description, re.MULTILINE)
    assert name == "rar" or parser.epilog.startswith("example: rar")
