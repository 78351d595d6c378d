import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from rar_gluon.net.box_head import BoxHead, correlation_volume, head_path, load_head, save_head


@pytest.fixture
def head():
    mx.random.seed(3)
    made = BoxHead((7, 8), 63)
    made.initialize(mx.init.Xavier())
    return made


def test_a_volume_is_the_cosines_of_places():
    """Against loops over every place and displacement."""
    rng = np.random.default_rng(1)
    z, x = rng.normal(size=(2, 2, 5, 4, 6)) + 3
    found = correlation_volume(z, x)
    assert found.shape == (2, 25, 4, 6) and found.dtype == np.float32
    mean = (z.mean((2, 3)) + x.mean((2, 3))) / 2
    for b, dy, dx, i, j in np.ndindex(2, 5, 5, 4, 6):
        y_there, x_there = i + dy - 2, j + dx - 2
        expected = 0.0
        if 0 <= y_there < 4 and 0 <= x_there < 6:
            here, there = z[b, :, i, j] - mean[b], x[b, :, y_there, x_there] - mean[b]
            expected = here @ there / np.linalg.norm(here) / np.linalg.norm(there)
        assert found[b, 5 * dy + dx, i, j] == pytest.approx(expected, abs=1e-5)


def test_what_moves_is_found_where_it_went():
    z = np.random.default_rng(2).normal(size=(1, 16, 9, 9))
    x = np.roll(z, (1, -2), (2, 3))
    best = correlation_volume(z, x)[0, :, 2:-2, 2:-2].argmax(axis=0)
    assert (best == 5 * (2 + 1) + (2 - 2)).all()


def test_a_head_is_read_as_it_was_written(head, tmp_path, refusal):
    weights = tmp_path / "net.npz"
    weights.write_bytes(b"the network")
    assert load_head(weights, mx.cpu()) is None
    save_head(head, head_path(weights), weights)
    assert head_path(weights).name == "net.box.npz"
    read = load_head(weights, mx.cpu())
    volume = nd.array(np.random.default_rng(0).normal(size=(3, 25, 7, 8)))
    assert read(volume).asnumpy() == pytest.approx(head(volume).asnumpy(), rel=0.02, abs=5e-3)
    assert (read.cells, read.size) == ((7, 8), 63)
    weights.write_bytes(b"another network")
    assert "trained for other weights" in refusal(load_head, weights, mx.cpu())


@pytest.mark.parametrize("shown", [None, 1, "x"])
def test_a_head_of_other_windows_is_refused(head, tmp_path, refusal, shown):
    """As of the version before, which did not say of which it was."""
    weights = tmp_path / "net.npz"
    weights.write_bytes(b"the network")
    save_head(head, head_path(weights), weights)
    with np.load(head_path(weights)) as file:
        arrays = dict(file)
    assert arrays.pop("shown") == 2
    np.savez(head_path(weights), **arrays, **({} if shown is None else {"shown": shown}))
    assert "windows of an earlier version" in refusal(load_head, weights, mx.cpu())


@pytest.mark.parametrize("change", [{"size": "x"}, {"cells": (3, 4)}, {"cells": 5}, {"out.bias": None}])
def test_a_damaged_head_is_refused(head, tmp_path, refusal, change):
    weights = tmp_path / "net.npz"
    weights.write_bytes(b"the network")
    save_head(head, head_path(weights), weights)
    with np.load(head_path(weights)) as file:
        arrays = {**file, **change}
    np.savez(head_path(weights), **{name: array for name, array in arrays.items() if array is not None})
    assert "holds no box head" in refusal(load_head, weights, mx.cpu())
    head_path(weights).write_bytes(b"no archive")
    assert "is damaged" in refusal(load_head, weights, mx.cpu())
