"""Power cuts: commands are killed at random moments and started again, until the end is reached.

What lies on the disk between is whole; what the end leaves is, byte for byte, what an undisturbed run leaves. Moments
are seeded. `pytest -m power` runs these alone; RAR_KILLS (default 10) is how often each command is killed.
"""

import contextlib
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon.config import dump
from rar_gluon.data.frames import VideoFile
from rar_gluon.data.sequence import read_boxes
from rar_gluon.net.rar import build
from rar_gluon.net.weights import read_npz, read_weights, save_network

pytestmark = [pytest.mark.slow, pytest.mark.power]
KILLS = int(os.environ.get("RAR_KILLS", "10"))
RAR = [sys.executable, "-m", "rar_gluon.cli"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "RAR_QUIET": "1"}
BOXES = ("boxes.txt", *(f"s{index}.txt" for index in range(4)))
CHANGING = ("times", "events", "run.json", "curves.png", "log.txt", "lock")  # hold seconds, dates or the moment
FRAMES = 12
EXPERIMENTS = Path(__file__).parents[2] / "experiments"
CLOCK = """
import os, random, time

now, chance = time.time, random.Random(int(os.environ["CLOCK"]))
offset = 0.0


def jumping():
    global offset
    if chance.random() < 0.2:
        offset = chance.choice([-now() + 1, -1e8, -3600.0, 0.0, 3600.0, 1e9])  # 1970 first: a clock without a battery
    return now() + offset


time.time, time.time_ns = jumping, lambda: int(1e9 * jumping())
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory, small_config, make_clip, tiny_size):
    """A folder with config.yaml of a tiny network, its weights, four short sequences, and tiny experiments."""
    folder = tmp_path_factory.mktemp("power")
    config = small_config(
        {"input_size": 63},
        training={"batch": 2, "epoch_clips": 8, "epochs": 3, "frozen": []},
        width=0.0625,
        levels=["conv3"],
        deformable=[],
    )
    (folder / "config.yaml").write_text(dump(config))
    save_network(build(config.network), folder / "weights.npz", config=config)
    boxes = np.array([[40 + 2 * t, 40, 36, 30] for t in range(FRAMES)], float)
    for seed in range(4):
        sequence = folder / "sequences" / f"s{seed}"
        sequence.mkdir(parents=True)
        for index, frame in enumerate(make_clip(boxes, seed=seed)):
            cv2.imwrite(str(sequence / f"{index:04d}.png"), frame)
        (sequence / "groundtruth.txt").write_text("".join(f"{x},{y},{w},{h}\n" for x, y, w, h in boxes))
    shutil.copytree(EXPERIMENTS, folder / "experiments")
    (folder / "experiments" / "sizes" / "quick.yaml").write_text(tiny_size)
    return folder


def network(world):
    return ["--config", str(world / "config.yaml"), "--weights", str(world / "weights.npz")]


def track(world, output):
    first = ["track", str(world / "sequences" / "s0"), "--init", "40,40,36,30", *network(world), "--device", "-1"]
    return [*RAR, *first, "--boxes", str(output / "boxes.txt"), "--video", str(output / "boxes.mp4")]


def evaluate(world, output):
    tracker = ["--tracker", str(world / "config.yaml"), "--weights", str(world / "weights.npz"), "--device", "-1"]
    return [*RAR, "eval", "--dataset", "folder", "--root", str(world / "sequences"), *tracker, "--output", str(output)]


def prepare(world, output):
    return [*RAR, "prepare", "folder", str(world / "sequences"), str(output), "--side", "63"]


def train(world, output):
    more = ["--start", str(world / "weights.npz"), "--device", "-1", "--save-every", "1", "--resume"]
    return [*RAR, "train", "--config", str(world / "config.yaml"), "--output", str(output), *more]


def launch(world, output):
    worker = [str(Path(sys.executable).with_name("rar")), *train(world, output)[len(RAR) :], "--store", "dist_sync"]
    return [*RAR, "launch", "-n", "2", "--", *worker]


def table3(world, output):
    """The checkout's script, on one row of a tiny size."""
    options = ["--rows", "1", "--workers", "1", "--start", "random", "--output", str(output)]
    return ["env", f"PYTHON={sys.executable}", str(world / "experiments" / "run_table3.sh"), *options]


def check_whole(folder: Path) -> None:
    """Every file of a final name can be read to its end; files that are being written have others."""
    for path in folder.rglob("*"):
        if not path.is_file() or path.name.startswith("."):
            continue
        if path.suffix == ".npz":
            read_npz(path, "") if path.name.startswith("step-") else read_weights(path)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".mp4":
            assert len(list(VideoFile(path))) == FRAMES
        elif path.name in BOXES and path.parent.name != "times" and path.stat().st_size:
            assert np.isfinite(read_boxes(path)).all()


def left(folder: Path):
    """What a run leaves: files by name, without seconds and dates; none of those that were being written."""
    contents = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if not path.is_file() or any(part in CHANGING for part in place.parts):
            continue
        assert not path.name.startswith("."), path
        name = place.as_posix()
        contents[name] = path.read_bytes().replace(os.fsencode(folder.parent), b"")
        if path.name == "log.csv":
            with open(path, newline="") as file:
                rows = [{k: v for k, v in row.items() if k != "images_per_second"} for row in csv.DictReader(file)]
            contents[name] = rows
    return contents


def run(command, folder, **environment) -> float:
    """Run a command to its end; returns the seconds of processors that it took."""
    start = os.times()
    environment = {**ENVIRONMENT, **environment}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stderr
    return sum(os.times()[2:4]) - sum(start[2:4])


def begin(command, folder, **environment) -> subprocess.Popen:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=folder, env={**ENVIRONMENT, **environment}, start_new_session=True, **quiet)


def children_of(number: int) -> list:
    with contextlib.suppress(FileNotFoundError):
        return sorted(map(int, Path(f"/proc/{number}/task/{number}/children").read_text().split()))
    return []


def work_of(number: int) -> float:
    """Seconds of processors that a process and those below it have taken."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        ticks = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[11:15]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK") + sum(map(work_of, children_of(number)))
    return 0.0


def wait_for_work(process, seconds: float) -> None:
    """Wait until a command has done so much, or has ended: on a busy machine, time says nothing of how far it is."""
    while process.poll() is None and work_of(process.pid) < seconds:
        time.sleep(0.02)


def kill_one(process, chance) -> None:
    """End one process: the command's, or of `rar launch` its scheduler, its server or a worker, or a table's job."""
    children = children_of(process.pid)
    victim = chance.choice([process.pid, *children])
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(30)
    limit = time.monotonic() + 30  # those that are left save, and end
    while any(map(alive, children)) and time.monotonic() < limit:
        time.sleep(0.1)
    for number in [process.pid, *children]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    process.wait()


def alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB, and a function that makes it larger."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield place, lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", str(place)], check=True)
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("command", [evaluate, prepare, train])
def test_a_disk_that_fills(world, tmp_path, small_disk, command):
    """Each size ends in a sentence or in the end itself; with room again, it is as if there always had been."""
    place, resize = small_disk
    run(command(world, tmp_path / "out"), tmp_path)
    for size in ("8k", "24k", "64k", "160k"):
        resize(size)
        ended = subprocess.run(
            command(world, place / "out"), cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        assert ended.returncode == 0 or (ended.stdout + ended.stderr).strip(), size
        check_whole(place / "out")
    resize("100m")
    run(command(world, place / "out"), tmp_path)
    assert left(place / "out") == left(tmp_path / "out")


@pytest.mark.parametrize("command", [track, evaluate, prepare, train, launch, table3])
def test_killed_at_random_moments(world, tmp_path, command):
    """Moments from the middle of the imports to the usual end: the work and the last writes are among them."""
    chance = random.Random(command.__name__)
    uninterrupted, parts = tmp_path / "whole" / "out", tmp_path / "parts" / "out"
    for folder in (uninterrupted, parts):
        folder.parent.mkdir()
    seconds = run(command(world, uninterrupted), tmp_path)
    kills = 0
    for _ in range(3 * KILLS):
        if kills == KILLS:
            break
        process = begin(command(world, parts), tmp_path)
        wait_for_work(process, chance.uniform(0.3, 1.0) * seconds)
        if process.poll() is None:
            kills += 1
            kill_one(process, chance)
        check_whole(parts)
        if process.returncode == 0:  # was done before: the next begins anew
            assert left(parts) == left(uninterrupted)
            shutil.rmtree(parts)
    run(command(world, parts), tmp_path)
    assert kills == KILLS
    assert left(parts) == left(uninterrupted)


@pytest.mark.parametrize("command", [evaluate, train])
def test_a_clock_that_jumps(world, tmp_path, command):
    """To 1970 and into the future, amid a run and while it is killed and resumed."""
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(CLOCK)
    path = os.pathsep.join([str(tmp_path / "clock"), *filter(None, [os.environ.get("PYTHONPATH")])])
    uninterrupted, parts = tmp_path / "whole" / "out", tmp_path / "parts" / "out"
    for folder in (uninterrupted, parts):
        folder.parent.mkdir()
    seconds = run(command(world, uninterrupted), tmp_path)
    for seed in ("0", "1"):
        process = begin(command(world, parts), tmp_path, PYTHONPATH=path, CLOCK=seed)
        wait_for_work(process, 0.8 * seconds)
        kill_one(process, random.Random(0))
        check_whole(parts)
    run(command(world, parts), tmp_path, PYTHONPATH=path, CLOCK="2")
    assert left(parts) == left(uninterrupted)
    events = sorted((parts / "events").glob("*"))  # in the order they were made in, whatever the clock said
    assert events == sorted(events, key=lambda file: file.stat().st_mtime_ns) and (len(events) > 1) == (
        command is train
    )
