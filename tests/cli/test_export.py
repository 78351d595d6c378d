import json

import numpy as np
import pytest

from rar_gluon import cli
from rar_gluon.net.weights import read_weights


def test_the_tracker_is_written_for_onnx(small, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    folder = tmp_path / "new" / "graphs"
    assert cli.main(["export", *small, str(folder)]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("differences from MXNet, of the largest value: represent ")
    assert rest == [
        f"{file}: {file.stat().st_size / 1e6:.2f} MB" for file in sorted(folder.iterdir(), key=rest_order(rest))
    ]
    weights = sum(array.size for array in read_weights(small[-1]).arrays.values())
    assert (folder / "weights.bin").stat().st_size == pytest.approx(4 * weights, rel=0.25)
    assert json.loads((folder / "tracker.json").read_text())["graphs"]["represent"]["inputs"]["image"] == [
        "batch",
        63,
        63,
        3,
    ]


def rest_order(lines):
    """Files in the order of the lines that name them."""
    return lambda file: next(index for index, line in enumerate(lines) if line.startswith(f"{file}:"))


def test_a_network_is_written_as_a_symbol(small, tmp_path, capsys):
    assert cli.main(["export", *small, str(tmp_path / "net"), "--format", "symbol"]) == 0
    files = [tmp_path / "net" / name for name in ("network-symbol.json", "network-0000.params")]
    assert capsys.readouterr().out == "".join(f"{file}: {file.stat().st_size / 1e6:.2f} MB\n" for file in files)


@pytest.mark.parametrize("option", [("--int8",), ("--page", "package")])
def test_what_only_graphs_have(refused, small, tmp_path, option):
    assert "leave out --format symbol" in refused("export", tmp_path / "net", *small, "--format", "symbol", *option)
    assert not (tmp_path / "net").exists()


def test_a_page_without_its_runtime(refused, small, tmp_path):
    assert "npm install onnxruntime-web" in refused("export", tmp_path / "net", *small, "--page", tmp_path / "package")


def test_weights_of_half_the_size(small, tmp_path, capsys):
    target = tmp_path / "half.npz"
    assert cli.main(["convert", small[-1], str(target), "--dtype", "float16"]) == 0
    before, after = read_weights(small[-1]), read_weights(target)
    assert capsys.readouterr().out.startswith(f"{target}: network, {len(after.arrays)} arrays as float16, ")
    for name, array in before.arrays.items():
        np.testing.assert_array_equal(after.arrays[name], array.astype("float16"))


def test_what_is_not_converted(refused, small, tmp_path):
    assert "is read here" in refused("convert", small[-1], small[-1])
    assert "no weights at" in refused("convert", tmp_path / "none.npz", tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()
