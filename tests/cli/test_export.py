import numpy as np
import pytest

from rar_gluon import cli
from rar_gluon.net.weights import read_weights


def test_a_network_is_written_for_onnx(small, tmp_path, capsys):
    """As the configuration's search window, or of a size that is asked for."""
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "new" / "net.onnx"
    for more, side in (([], 63), (["--size", "95"], 95)):
        assert cli.main(["export", *small, str(path), *more]) == 0
        image = onnx.load(str(path)).graph.input[0]
        assert [part.dim_value or part.dim_param for part in image.type.tensor_type.shape.dim] == [
            "batch",
            3,
            side,
            side,
        ]
        assert capsys.readouterr().out == f"{path}: {path.stat().st_size / 1e6:.1f} MB\n"
    weights = sum(array.size for array in read_weights(small[-1]).arrays.values())
    assert path.stat().st_size == pytest.approx(4 * weights, rel=0.25)


def test_a_network_is_written_as_a_symbol(small, tmp_path, capsys):
    assert cli.main(["export", *small, str(tmp_path / "net"), "--format", "symbol"]) == 0
    files = [tmp_path / "net-symbol.json", tmp_path / "net-0000.params"]
    assert capsys.readouterr().out == "".join(f"{file}: {file.stat().st_size / 1e6:.1f} MB\n" for file in files)


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
