import argparse
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import rar_gluon
from rar_gluon import cli, config


@pytest.mark.parametrize("arguments", [[], ["walk"], ["track"], ["track", "x", "--weights", "a", "--pretrained"]])
def test_a_command_line_that_is_none(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: rar" in capsys.readouterr().err


def test_an_interrupt_elsewhere_is_a_line(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(config, "load", interrupted)
    assert cli.main(["config"]) == 130
    assert capsys.readouterr().err == "rar: interrupted.\n"


def test_the_installed_command(tmp_path):
    """In a process of its own: status and output; and what needs no network does not wait for MXNet."""
    command = Path(sys.executable).with_name("rar")
    if not command.exists():
        pytest.skip("the package is not installed")
    done = subprocess.run([command, "track", tmp_path / "absent"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rar: ") and done.stderr.count("\n") == 1
    helped = subprocess.run([command, "--help"], capture_output=True, text=True)
    assert helped.returncode == 0 and all(name in helped.stdout for name in ("track", "demo", "config"))


def test_printing_and_reading_configs_does_not_import_mxnet():
    code = "import sys; from rar_gluon import cli; cli.main(['config']); sys.exit('mxnet' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_a_reader_that_leaves_is_no_error():
    code = "from rar_gluon.cli import main; import sys; sys.exit(main(['config', *['rar'] * 200]))"
    done = subprocess.run(f'{sys.executable} -c "{code}" | head -n 1', shell=True, capture_output=True, text=True)
    assert done.stderr == "" and done.stdout == "network:\n"


# Comfort -------------------------------------------------------------------------------------------------------------


def commands(parser, path=()):
    """Every command's parser by its words."""
    for group in parser._actions:
        if isinstance(group, argparse._SubParsersAction):
            for name, inner in group.choices.items():
                yield " ".join((*path, name)), inner
                yield from commands(inner, (*path, name))


def test_every_command_ends_with_an_example_that_can_be_parsed(capsys):
    parser = cli.make_parser()
    parsers = dict(commands(parser))
    assert {"track", "eval", "score", "score otb", "score vot", "data check", "show attention", "doctor"} <= set(
        parsers
    )
    for name, inner in parsers.items():
        head, example = inner.format_help().rstrip().splitlines()[-1].split(": ", 1)
        assert head == "example" and example.startswith(f"rar {name} "), name
        parser.parse_args(shlex.split(example)[1:])


def test_help_does_not_wait():
    """Nothing heavy is imported for it."""
    heavy = "{'mxnet', 'numpy', 'cv2', 'matplotlib', 'scipy', 'joblib'} & set(sys.modules)"
    code = f"import sys; from rar_gluon import cli; cli.make_parser().format_help(); assert not {heavy}, {heavy}"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0 and capsys.readouterr().out == f"rar-gluon {rar_gluon.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(shell, tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["--print-completion", shell])
    script = capsys.readouterr().out
    assert "track" in script and "--boxes" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_any_error_of_the_system_is_a_sentence(monkeypatch, capsys):
    def fail(error):
        def load(*_):
            raise error

        monkeypatch.setattr(config, "load", load)
        assert cli.main(["config"]) == 2
        return capsys.readouterr().err

    assert fail(PermissionError(13, "Permission denied", "x.npz")) == "rar: x.npz failed: Permission denied.\n"
    missing = "libcuda.so.1: cannot open shared object file: No such file or directory"  # as ctypes says it
    assert fail(OSError(missing)) == f"rar: a library cannot be loaded: {missing}; rar doctor says more.\n"
    missing = ModuleNotFoundError("No module named 'mxnet'", name="mxnet")
    assert "this needs MXNet, which is not installed: pip install 'rar-gluon[cpu]'" in fail(missing)
    with pytest.raises(ModuleNotFoundError):  # a fault of ours
        fail(ModuleNotFoundError("No module named 'rar_gluon.x'", name="rar_gluon.x"))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["track", "v.mp4", "--vide", "x", "--typo"], ["usage: rar track", "--typo"]),
        (["score", "folder", "--results", "r", "--root", "s", "--typo"], ["usage: rar score folder", "--typo"]),
        (["track", "v.mp4", "--init", "40,", "30,", "24,", "20"], ["usage: rar track", "a box has no blanks, as in"]),
        (["track", "--web", "v.mp4"], ["usage: rar track", "put the video first, rar track v.mp4 --web"]),
    ],
)
def test_a_wrong_option_shows_the_usage_of_its_command(capsys, arguments, words):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    printed = " ".join(capsys.readouterr().err.split())
    assert end.value.code == 2 and all(word in printed for word in words)
