import pickle
import zipfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.net.rar import build
from rar_gluon.net.weights import parameters
from rar_gluon.training import checkpoint

from mxnet import autograd, gluon, nd  # isort: skip  (after rar_gluon, which sets its threads)


START = {"step": 1, "best": 0.5}


@pytest.fixture
def config(tiny_config):
    return tiny_config(levels=["conv3"], deformable=[], inter_frame=False)


def trainer_of(net, rate=0.1):
    trained = {name: p for name, p in parameters(net).items() if p.grad_req != "null"}
    sgd = {"learning_rate": rate, "momentum": 0.9, "wd": 1e-3}
    return gluon.Trainer(trained, "sgd", sgd, kvstore="local", update_on_kvstore=False)


def step(net, trainer, seed):
    image = nd.array(np.random.default_rng(seed).uniform(0, 255, (1, 3, 63, 63)))
    with autograd.record():
        value = nd.square(net(image)[0][:, :2]).sum()
    value.backward()
    trainer.step(1)


def test_a_training_goes_on_as_if_it_had_not_been_interrupted(config, values_of, tmp_path):
    """Parameters and momentum: two more steps are the same, and would not be without momentum."""
    path = checkpoint.path_of(tmp_path, 2)
    net = build(config.network)
    trainer = trainer_of(net)
    for seed in range(2):
        step(net, trainer, seed)
    checkpoint.save(path, net, trainer, {"step": 2, "best": 1 / 3})
    other = build(config.network, seed=5)
    resumed = trainer_of(other)
    assert checkpoint.load(path, other, resumed) == {"step": 2.0, "best": 1 / 3}
    forgetful = build(config.network, seed=5)
    fresh = trainer_of(forgetful)
    checkpoint.load(path, forgetful, trainer_of(forgetful))
    for seed in range(2, 4):
        for trained, its_trainer in ((net, trainer), (other, resumed), (forgetful, fresh)):
            step(trained, its_trainer, seed)
    expected, restored, without = values_of(net), values_of(other), values_of(forgetful)
    assert [name for name in expected if not np.array_equal(expected[name], restored[name])] == []
    assert not np.array_equal(expected["refinement.out.weight"], without["refinement.out.weight"])


def test_infinite_progress_is_kept(config, tmp_path):
    net = build(config.network)
    trainer = trainer_of(net)
    checkpoint.save(tmp_path / "file.npz", net, trainer, {"best": float("-inf"), "step": 123456789})
    assert checkpoint.load(tmp_path / "file.npz", net, trainer) == {"best": float("-inf"), "step": 123456789}
    assert [path.name for path in tmp_path.iterdir()] == ["file.npz"]


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "flipped"])
def test_a_damaged_checkpoint_is_refused(config, values_of, tmp_path, damage):
    net = build(config.network)
    trainer, path = trainer_of(net), tmp_path / "step-00000001.npz"
    checkpoint.save(path, net, trainer, START)
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        with zipfile.ZipFile(path) as file:
            middle = file.getinfo("parameter:refinement.smooth0.weight.npy").header_offset + 400
        content[middle] ^= 255
    path.write_bytes({"cut": content[:-100], "empty": b"", "text": b"no file", "flipped": content}[damage])
    before = values_of(net)
    with pytest.raises(
        InputError, match=r"^\S+step-00000001\.npz is damaged or no file of rar-gluon: remove it, [^\n]*"
    ):
        checkpoint.load(path, net, trainer)
    assert all(np.array_equal(array, before[name]) for name, array in values_of(net).items())


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda arrays: arrays.pop("step"), "is damaged"),
        (lambda arrays: arrays.update(best=np.zeros(3)), "is damaged"),
        (lambda arrays: arrays.update(best=np.array("high")), "is damaged"),
        (lambda arrays: arrays.update(more=np.zeros(3)), "is damaged"),
        (lambda arrays: arrays.pop("momentum:refinement.out.weight"), "is damaged"),
        (lambda arrays: arrays["momentum:refinement.out.weight"].fill(np.nan), "is damaged"),
        (lambda arrays: arrays["parameter:refinement.out.weight"].fill(np.inf), "is damaged"),
        (lambda arrays: arrays.update({"momentum:refinement.out.weight": np.zeros(2, "float32")}), "is damaged"),
        (lambda arrays: arrays.update(trainer=np.frombuffer(pickle.dumps(Payload()), np.uint8)), "which is not read"),
        (lambda arrays: arrays.update(step=np.array(Payload())), "is damaged"),
    ],
)
def test_what_a_checkpoint_does_not_hold_is_refused_and_never_run(config, values_of, tmp_path, change, words):
    net, path = build(config.network), tmp_path / "step-00000001.npz"
    trainer = trainer_of(net)
    step(net, trainer, 0)
    checkpoint.save(path, net, trainer, START)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    assert {name.split(":")[0] for name in arrays} == {"parameter", "momentum", "step", "best"}
    change(arrays)
    np.savez(path, **arrays)
    Payload.ran.clear()
    before = values_of(net)
    with pytest.raises(InputError, match=words):
        checkpoint.load(path, net, trainer)
    assert all(np.array_equal(array, before[name]) for name, array in values_of(net).items())
    assert not Payload.ran


class Payload:
    """Says so when it is unpickled."""

    ran: ClassVar[list] = []

    def __reduce__(self):
        return Payload.ran.append, ("it ran",)


def test_a_checkpoint_of_another_network_is_refused(config, tiny_config, tmp_path):
    net = build(config.network)
    checkpoint.save(tmp_path / "file.npz", net, trainer_of(net), START)
    for change in ({"output_channels": 5}, {"levels": ["conv3", "conv4"]}):
        other = build(tiny_config(**{"levels": ["conv3"], "deformable": [], "inter_frame": False, **change}).network)
        with pytest.raises(InputError, match="is of another network: give another --output"):
            checkpoint.load(tmp_path / "file.npz", other, trainer_of(other))


def test_a_save_that_fails_leaves_the_old_file(config, tmp_path, monkeypatch):
    net = build(config.network)
    trainer, path = trainer_of(net), tmp_path / "step-00000001.npz"
    checkpoint.save(path, net, trainer, START)
    before = path.read_bytes()

    def full_disk(file, content):
        with open(file, "wb") as opened:
            opened.write(content[:100])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(InputError, match="no space"):
        checkpoint.save(path, net, trainer, START)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_the_last_are_kept(tmp_path):
    for number in (5, 100, 20, 100000000):
        checkpoint.path_of(tmp_path, number).write_text("")
    (tmp_path / "other.npz").write_text("")
    assert [int(path.stem[5:]) for path in checkpoint.existing(tmp_path)] == [5, 20, 100, 100000000]
    checkpoint.prune(tmp_path, 3)
    assert [int(path.stem[5:]) for path in checkpoint.existing(tmp_path)] == [20, 100, 100000000]
    checkpoint.prune(tmp_path, 3)
    assert len(list(tmp_path.iterdir())) == 4
    assert checkpoint.existing(tmp_path / "none") == []
