import pytest

from rar_gluon.common import InputError, Notice
from rar_gluon.net.device import count_gpus, find_device, parse_devices

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)


@pytest.mark.parametrize(
    "gpus, number, device",
    [(0, None, "cpu(0)"), (0, -1, "cpu(0)"), (2, None, "gpu(0)"), (2, 1, "gpu(1)"), (2, -1, "cpu(0)")],
)
def test_a_device_is_found(monkeypatch, gpus, number, device):
    monkeypatch.setattr(mx.context, "num_gpus", lambda: gpus)
    assert str(find_device(number)) == device


@pytest.mark.parametrize("gpus, number", [(0, 0), (2, 2), (2, 7)])
def test_a_device_that_is_not_there(monkeypatch, gpus, number):
    monkeypatch.setattr(mx.context, "num_gpus", lambda: gpus)
    with pytest.raises(InputError, match=f"GPU {number} is asked for, but MXNet sees {gpus} GPUs; -1 is the CPU"):
        find_device(number)


def test_a_driver_that_answers_an_error(monkeypatch, refusal):
    """Too old, or in a container without a card: the CPU computes unless a GPU is asked for."""

    def answer():
        raise mx.base.MXNetError(
            "CUDA: Check failed: e == cudaSuccess (35 vs. 0) : CUDA driver version is insufficient"
        )

    monkeypatch.setattr(mx.context, "num_gpus", answer)
    assert count_gpus() == (0, "CUDA driver version is insufficient")
    with pytest.warns(Notice, match="the CPU computes, because .* answers: CUDA driver version is insufficient"):
        assert find_device() == mx.cpu()
    assert find_device(-1) == mx.cpu()
    assert "GPU 0 is asked for" in refusal(find_device, 0) and "insufficient" in refusal(find_device, 0)


def test_devices_are_read():
    assert parse_devices("0") == [0] and parse_devices("2,0, 1") == [2, 0, 1]
    for wrong in ("", "a", "0,", "0;1"):
        with pytest.raises(InputError, match="--devices is"):
            parse_devices(wrong)
