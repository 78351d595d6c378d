"""`rar train` as a user runs it."""

import os
import signal

import cv2
import numpy as np
import pytest

from rar_gluon.cli import main
from rar_gluon.config import dump
from rar_gluon.data.prepare import prepare
from rar_gluon.data.sequence import write_boxes
from rar_gluon.net.rar import build
from rar_gluon.net.weights import save_network
from rar_gluon.tracking.tracker import Tracker
from rar_gluon.training import held_out, loop
from rar_gluon.training.journal import read_rows


@pytest.fixture(scope="module")
def files(tmp_path_factory, tiny_config, make_clip):
    """A folder with config.yaml, start.npz, sequences/NAME of two short clips, and records of them."""
    folder = tmp_path_factory.mktemp("train")
    config = tiny_config(training={"batch": 2, "epoch_clips": 4}, levels=["conv3"], deformable=[])
    (folder / "config.yaml").write_text(dump(config))
    save_network(build(config.network, seed=3), folder / "start.npz")
    boxes = np.array([[40 + 2 * t, 40, 36, 30] for t in range(8)], float)
    for seed, name in enumerate(("first", "second")):
        (folder / "sequences" / name).mkdir(parents=True)
        for index, frame in enumerate(make_clip(boxes, seed=seed)):
            cv2.imwrite(str(folder / "sequences" / name / f"{index:04d}.png"), frame)
        write_boxes(folder / "sequences" / name / "groundtruth.txt", boxes)
    prepare("folder", folder / "sequences", folder / "records", side=63, sequences=["first"])
    return folder, config


def arguments(folder, output, *more):
    start = ["--config", str(folder / "config.yaml"), "--start", str(folder / "start.npz"), "--device", "-1"]
    return ["train", *start, "--output", str(output), *more]


@pytest.mark.slow
def test_from_the_command_line(files, tmp_path, capsys, monkeypatch):
    """Records and synthetic clips, validation on another sequence; again; and on from where it was."""
    folder, config = files
    monkeypatch.setattr(held_out, "CLIPS", 16)
    output = tmp_path / "out"
    validation = ["--validation", str(folder / "sequences"), "--validation-sequences", "second"]
    sources = ["--records", str(folder / "records"), "--synthetic", "0.5"]
    command = arguments(folder, output, *sources, *validation, "--validation-frames", "8", "--keep", "1")
    assert main(command) == 0
    errors = capsys.readouterr().err
    assert "Traceback" not in errors and "loss" in errors  # progress
    assert [row["step"] for row in read_rows(output / "log.csv")] == ["1", "2", "3", "4"]
    validation = read_rows(output / "validation.csv")
    assert [row["step"] for row in validation] == ["0", "2", "4"]
    assert all(0 <= float(row[name]) <= 1 for row in validation for name in ("auc", "dp"))
    assert [path.name for path in (output / "checkpoints").iterdir()] == ["step-00000004.npz"]
    for name in ("best.npz", "last.npz"):
        Tracker(config, output / name)
    assert main(command) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"rar: {output} holds a training already: --resume goes on with it; or give another --output."
    )
    before = (output / "last.npz").read_bytes()
    assert main([*command, "--resume"]) == 0
    assert len(read_rows(output / "log.csv")) == 4
    with np.load(output / "last.npz") as file, np.load(folder / "start.npz") as start:
        assert not np.array_equal(file["refinement.out.weight"], start["refinement.out.weight"])
    assert len(before) == (output / "last.npz").stat().st_size


@pytest.mark.parametrize(
    "more, words",
    [
        (["--records", "{folder}/none"], "{folder}/none holds no index.json: "),
        (["--records", "{folder}/records", "--validation", "{folder}/sequences"], "holds first, which is kept for"),
        (["--validation", "{folder}/none"], "none"),
        (["--validation", "{folder}/sequences", "--validation-sequences", "third"], "third"),
        (["--validation", "{folder}/sequences", "--validation-frames", "1"], "--validation-frames is 1"),
        (["--devices", "0,x"], "--devices is '0,x'"),
        (["--devices", "0,99"], "GPU"),
        (["--devices=-1,-1"], "a device is named twice"),
        (["--device", "99"], "GPU 99 is asked for"),
        (["--keep", "0"], "must be at least 1"),
        (["--loaders", "0"], "must be at least 1"),
        (["--save-every", "0"], "must be at least 1"),
        (["--synthetic", "2"], "the synthetic part is 2.0"),
        (["--synthetic", "0"], "there is no track to train on"),
        (["--start", "{folder}/none.npz"], "no weights at"),
        (["--config", "{folder}/none.yaml"], "no config"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(files, tmp_path, capsys, more, words):
    folder, _ = files
    command = arguments(folder, tmp_path / "out", *(option.format(folder=folder) for option in more))
    assert main(command) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("rar: ") and words.format(folder=folder) in said
    assert not (tmp_path / "out").exists()


def test_a_few_steps_to_try(files, tmp_path):
    folder, _ = files
    assert main(arguments(folder, tmp_path / "out", "--steps", "3")) == 0
    assert [row["step"] for row in read_rows(tmp_path / "out" / "log.csv")] == ["1", "2", "3"]
    assert (tmp_path / "out" / "last.npz").is_file()
    assert main(arguments(folder, tmp_path / "new", "--steps", "0")) == 2 and not (tmp_path / "new").exists()


def test_an_interrupted_training_says_how_it_goes_on_and_has_curves(files, tmp_path, capsys, monkeypatch):
    folder, _ = files

    def interrupted(*arguments, usual=loop.update):
        os.kill(os.getpid(), signal.SIGTERM)
        return usual(*arguments)

    monkeypatch.setattr(loop, "update", interrupted)
    output = tmp_path / "out"
    assert main(arguments(folder, output, "--steps", "3")) == 128 + signal.SIGTERM
    saved = output / "checkpoints" / "step-00000001.npz"
    assert f"rar: step 1 is saved as {saved}: the same call with --resume goes on." in capsys.readouterr().err
    assert (output / "curves.png").is_file() and saved.is_file()
    monkeypatch.undo()
    assert main(arguments(folder, output, "--steps", "3", "--resume")) == 0
