"""Power cuts: commands are killed at random moments and started again, until the end is reached.

What lies on the disk between is whole; what the end leaves is, byte for byte, what an undisturbed run leaves. Moments
are seeded. `pytest -m power` runs these alone; RAR_KILLS (default 10) is how often each command is killed.
"""

import csv
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
from rar_gluon.data.sequence import read_boxes
from rar_gluon.net.rar import build
from rar_gluon.net.weights import read_npz, read_weights, save_network

pytestmark = [pytest.mark.slow, pytest.mark.power]
KILLS = int(os.environ.get("RAR_KILLS", "10"))
RAR = [sys.executable, "-m", "rar_gluon.cli"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "RAR_QUIET": "1"}
BOXES = ("boxes.txt", *(f"s{index}.txt" for index in range(4)))
CHANGING = ("times", "events", "run.json", "curves.png")  # hold seconds, dates or the moment


@pytest.fixture(scope="module")
def world(tmp_path_factory, small_config, make_clip):
    """A folder with config.yaml of a tiny network, its weights, and four short sequences."""
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
    boxes = np.array([[40 + 2 * t, 40, 36, 30] for t in range(12)], float)
    for seed in range(4):
        sequence = folder / "sequences" / f"s{seed}"
        sequence.mkdir(parents=True)
        for index, frame in enumerate(make_clip(boxes, seed=seed)):
            cv2.imwrite(str(sequence / f"{index:04d}.png"), frame)
        (sequence / "groundtruth.txt").write_text("".join(f"{x},{y},{w},{h}\n" for x, y, w, h in boxes))
    return folder


def network(world):
    return ["--config", str(world / "config.yaml"), "--weights", str(world / "weights.npz")]


def track(world, output):
    first = ["track", str(world / "sequences" / "s0"), "--init", "40,40,36,30", *network(world), "--device", "-1"]
    return [*RAR, *first, "--boxes", str(output / "boxes.txt")]


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


def check_whole(folder: Path) -> None:
    """Every file of a final name can be read to its end."""
    for path in folder.rglob("*"):
        if not path.is_file() or path.name.startswith("."):
            continue
        if path.suffix == ".npz":
            read_npz(path, "") if path.name.startswith("step-") else read_weights(path)
        elif path.name in BOXES and path.parent.name != "times" and path.stat().st_size:
            assert np.isfinite(read_boxes(path)).all()


def left(folder: Path):
    """What a run leaves: files by name, without seconds and dates."""
    found = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if not path.is_file() or any(part in CHANGING or part.startswith(".") for part in place.parts):
            continue
        name = place.as_posix()
        found[name] = path.read_bytes()
        if path.name == "log.csv":
            with open(path, newline="") as file:
                rows = [{k: v for k, v in row.items() if k != "images_per_second"} for row in csv.DictReader(file)]
            found[name] = rows
    return found


def run(command, folder) -> float:
    start = time.monotonic()
    ran = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stderr
    return time.monotonic() - start


def kill_one(process, chance) -> None:
    """End one process: the command's, or of `rar launch` its scheduler, its server or a worker."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    victim = chance.choice([process.pid, *sorted(map(int, children))])
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


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


@pytest.mark.parametrize("command", [track, evaluate, prepare, train, launch])
def test_killed_at_random_moments(world, tmp_path, command):
    """Moments from the middle of the imports to the usual end: the work and the last writes are among them."""
    chance = random.Random(command.__name__)
    whole, parts = tmp_path / "whole" / "out", tmp_path / "parts" / "out"
    for folder in (whole, parts):
        folder.parent.mkdir()
    seconds = run(command(world, whole), tmp_path)
    kills = 0
    for _ in range(3 * KILLS):
        if kills == KILLS:
            break
        process = subprocess.Popen(
            command(world, parts),
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(chance.uniform(0.3, 1.0) * seconds)
        if process.poll() is None:
            kills += 1
            kill_one(process, chance)
        check_whole(parts)
        if process.returncode == 0:  # was done before: the next begins anew
            assert left(parts) == left(whole)
            shutil.rmtree(parts)
    run(command(world, parts), tmp_path)
    assert kills == KILLS
    assert left(parts) == left(whole)
