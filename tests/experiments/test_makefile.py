"""What the Makefile calls, in environments that are made up."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def make(tmp_path):
    """Call make for an environment in `tmp_path`, whose programs say what they are called with.

    `make(goal, NAME=VALUE, ...)`; an `installed` in the goal is the environment's.
    """
    program = '#!/bin/sh\necho "$0 $*"\n'
    python = f'{program}if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp {tmp_path}/pip "$3/bin/pip"; fi\n'
    for name, text in (("pip", program), ("python", python)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    def run(goal, **variables):
        clean = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "EXTRA")}
        values = {"PYTHON": tmp_path / "python", "VENV": tmp_path / "venv", **variables}
        settings = [f"{name}={value}" for name, value in values.items()]
        command = ["make", "--no-print-directory", goal.replace("installed", f"{tmp_path}/venv/installed"), *settings]
        return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=60)

    return run


def test_table_3_runs_in_the_environment_whatever_made_it(make, tmp_path):
    assert make("installed").returncode == 0
    shutil.copy(tmp_path / "pip", tmp_path / "venv" / "bin" / "python")
    assert make("table3").stdout.endswith(f"\n{tmp_path}/venv/bin/python -m experiments table3\n")


def test_another_wheel_than_the_one_that_is_installed_is_refused(make, tmp_path):
    stamp = tmp_path / "venv" / "installed"
    assert ".[cu102,demo,train,zoo,test]" in make("installed", EXTRA="cu102").stdout
    assert stamp.read_text() == "cu102\n"
    for same in ({}, {"EXTRA": "cu102"}):
        assert "is up to date" in make("installed", **same).stdout
    refused = make("installed", EXTRA="cpu")
    assert refused.returncode == 2 and refused.stdout == ""
    assert refused.stderr.startswith(f"{tmp_path}/venv holds the wheel of EXTRA=cu102: make clean first")
    os.utime(stamp, (0, 0))  # older than setup.py
    assert ".[cu102,demo,train,zoo,test]" in make("installed").stdout
    stamp.unlink()
    assert ".[cpu,demo,train,zoo,test]" in make("installed").stdout
