import os
import subprocess
import sys

import pytest

from rar_gluon.processes import check_variables, set_threads, threads

TRACK = """
import multiprocessing, sys
import numpy as np
import rar_gluon as rar

FRAMES = np.random.default_rng(0).integers(0, 256, (2, 60, 80, 3)).astype(np.uint8)


def track(answers):
    tracker = rar.Tracker()
    tracker.init(FRAMES[0], (30, 20, 20, 16))
    answers.put(tracker.update(FRAMES[1]))


fork = multiprocessing.get_context("fork")
answers = fork.Queue()
track(answers)
here = answers.get(timeout=60)
process = fork.Process(target=track, args=(answers,), daemon=True)
process.start()
print(answers.get(timeout=60) == here)
"""
SILENT = """
import os, sys
from pathlib import Path
from rar_gluon import cli
for name in sys.argv[2]:
    os.close(int(name))
    setattr(sys, {"1": "stdout", "2": "stderr"}[name], None)
command = ["eval", "--dataset", "folder", "--root", sys.argv[1], "--tracker", "opencv-kcf", "--output", sys.argv[3]]
sys.exit(cli.main(command))
"""


def run(code, *arguments, **variables):
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=200
    )


@pytest.mark.slow
def test_a_forked_process_tracks_as_its_parent():
    """With two threads it waited for one that is not there."""
    result = run(TRACK, OMP_NUM_THREADS="2")
    assert result.stdout == "True\n", result.stderr


@pytest.mark.parametrize(
    "value, number", [("3", 3), ("4,2", 4), (" 2 ", 2), ("", 5), ("0", 5), ("-1", 5), ("a", 5), ("²", 5)]
)
def test_threads_that_are_asked_for(monkeypatch, value, number):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    set_threads(5)
    assert threads() == number


@pytest.mark.parametrize(
    "name, value",
    [("MXNET_CPU_WORKER_NTHREADS", "a"), ("MXNET_CPU_PRIORITY_NTHREADS", "0"), ("MXNET_ENGINE_TYPE", "foo")],
)
def test_variables_that_mxnet_would_die_of(monkeypatch, refusal, name, value):
    monkeypatch.setenv(name, value)
    assert f"the variable {name} is '{value}'" in refusal(check_variables)
    for good in ("", "NaiveEngine" if "ENGINE" in name else "2"):
        monkeypatch.setenv(name, good)
        check_variables()


@pytest.mark.parametrize("closed", ["1", "2", "12"])
def test_closed_streams_take_nothing_of_the_results(write_sequences, tmp_path, closed):
    """The next file that is opened would take their number, and what a library prints would go into it."""
    root = write_sequences(tmp_path / "data", 2)
    result = run(SILENT, root, closed, tmp_path / "out")
    assert result.returncode == 0
    assert len((tmp_path / "out" / "opencv-kcf" / "s0.txt").read_text().splitlines()) == 4


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_full_streams(write_sequences, tmp_path, stream):
    """What is said is lost, what was done is not."""
    root = write_sequences(tmp_path / "data", 1)
    command = [sys.executable, "-m", "rar_gluon.cli", "eval", "--dataset", "folder", "--root", str(root)]
    with open("/dev/full", "w") as full:
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: full}
        status = subprocess.run([*command, "--tracker", "opencv-kcf", "--output", str(tmp_path / "out")], **streams)
    assert status.returncode == (2 if stream == "stdout" else 0)
    assert (tmp_path / "out" / "opencv-kcf" / "s0.txt").is_file()


@pytest.mark.parametrize("command", [["track", "--help"], ["config", "rar", "--explain"]])
def test_an_output_that_knows_no_greek(command):
    result = subprocess.run(
        [sys.executable, "-m", "rar_gluon.cli", *command],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "MPLBACKEND": "foo"},
        timeout=100,
    )
    assert result.returncode == 0 and result.stdout.decode("ascii")
