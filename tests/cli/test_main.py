import subprocess
import sys
from pathlib import Path

import pytest

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
