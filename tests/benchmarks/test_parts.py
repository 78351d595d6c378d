"""Each part's routes compute the same thing as what they are timed beside."""

import mxnet as mx
import numpy as np
import pytest

from benchmarks import filter as filter_part
from benchmarks import flops, video
from benchmarks.__main__ import main, measure, parser
from benchmarks.alternate import Case, Route
from benchmarks.graph import Graph, read_graph, write_graph
from benchmarks.report import COLUMNS
from rar_gluon.net.cost import summarise
from rar_gluon.net.rar import build

SIZE = {"batch": 2, "channels": 3, "side": 7, "contexts": 2, "templates": 2}


@pytest.mark.parametrize("contexts", [0, 2])
def test_the_filters_routes_have_one_gradient(contexts):
    size = {**SIZE, "contexts": contexts}
    sums = [route(**size)()["values"]["checksum"] for route in (filter_part.closed_form, filter_part.mxnet_autograd)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-4)
    pytest.importorskip("torch")
    assert filter_part.torch_autograd(**size)()["values"]["checksum"] == pytest.approx(sums[0], rel=1e-4)


@pytest.fixture(scope="module")
def graph(small_config):
    """A small network with its state, as a graph."""
    net = build(small_config(deformable=[]).network)
    image = mx.nd.random.uniform(0, 255, shape=(2, 3, 127, 127))
    state = net.begin_state(image.shape)
    names = ["image", *(f"state{index}" for index in range(len(state)))]
    symbol = mx.sym.Group(net(*(mx.sym.var(name) for name in names)))
    parameters = {p.name: p.data().asnumpy() for p in net.collect_params().values()}
    inputs = {name: array.asnumpy() for name, array in zip(names, [image, *state])}
    return Graph(symbol.tojson(), parameters, inputs, net(image, *state)[0].asnumpy())


def test_a_graph_goes_through_its_files(graph, tmp_path):
    write_graph(graph, tmp_path)
    read = read_graph(tmp_path)
    assert read.symbol == graph.symbol and list(read.inputs) == list(graph.inputs)
    np.testing.assert_array_equal(read.output, graph.output)


def test_pytorch_computes_the_graph(graph):
    torch = pytest.importorskip("torch")
    from benchmarks.torch_graph import TorchGraph

    with torch.inference_mode():
        output = TorchGraph(graph)(*(torch.from_numpy(array) for array in graph.inputs.values()))[0].numpy()
    np.testing.assert_allclose(output, graph.output, rtol=1e-3, atol=1e-3 * np.abs(graph.output).max())


def test_a_frames_operations_are_those_of_its_passes(small_config):
    config = small_config(filter={"contexts": 4, "context_source": "image"})
    parts = flops.frame_parts(config)
    one = summarise(config).macs
    assert parts["search pass, 3 x 127x127"] == 3 * one and parts["template pass, 5 x 127x127"] == 5 * one
    assert parts["frame"] == sum(parts.values()) - parts["frame"]
    larger = flops.frame_parts(small_config(filter={"contexts": 4, "context_source": "feature"}))
    (template,) = (count for part, count in larger.items() if part.startswith("template pass, 1 x"))
    assert one < template < 5 * one


def test_video_of_an_otb_folder(tmp_path, texture):
    import cv2

    (tmp_path / "img").mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / "img" / f"{number + 1:04d}.jpg"), texture(20, 30, seed=number))
    (tmp_path / "groundtruth_rect.txt").write_text("5\t6\t7\t8\n5\t6\t7\t8\n")
    assert [frame.shape for frame in video.frames(str(tmp_path), 2)] == [(20, 30, 3)] * 2
    assert video.first_box(str(tmp_path)) == (4, 5, 7, 8)
    assert next(video.frames(str(tmp_path), 1, size=(60, 10))).shape == (10, 60, 3)
    assert video.first_box(str(tmp_path), size=(60, 10)) == (8, 2.5, 14, 4)


def test_a_checkout_without_the_package_is_refused(tmp_path, capsys):
    assert main(["peak", "--against", str(tmp_path), "--output", str(tmp_path)]) == 2
    assert "holds no rar_gluon" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, words",
    [
        (["--rounds", "0"], "--rounds is 0, but must be at least 1"),
        (["--threads", "1", "-2"], "--threads is -2"),
        (["--video", "carphone", "nowhere"], "--video nowhere is none of carphone, bikes"),
        (["--only", "nonsense"], "--only nonsense is in no case's name"),
    ],
)
def test_what_cannot_be_measured_is_refused(tmp_path, capsys, options, words):
    assert main(["flops", *options, "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert words in error and error.startswith("benchmarks: ") and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_one_case_is_chosen_by_its_name(tmp_path, capsys):
    assert main(["flops", "--preset", "rar_thin", "rar", "--only", "rar_", "--output", str(tmp_path)]) == 0
    assert "## flops: rar_thin" in capsys.readouterr().out


@pytest.mark.parametrize("ours, status", [(True, 1), (False, 0)])
def test_a_route_of_ours_that_fails_is_a_change(tmp_path, monkeypatch, capsys, ours, status):
    """Beside a baseline whose only ratio has not moved; what a peer lacks is no change."""
    monkeypatch.setattr("benchmarks.peak.cases", lambda _: [Case("c", [Route("r", "nowhere:none", ours=ours)])])
    (tmp_path / "baseline.csv").write_text(",".join(COLUMNS) + "\n")
    command = ["peak", "--rounds", "1", "--output", str(tmp_path), "--baseline", str(tmp_path / "baseline.csv")]
    assert main(command) == main(command[:-2]) == status
    assert ("c: r was left out" in capsys.readouterr().out) == ours


@pytest.mark.slow
def test_a_part_as_a_user_measures_it(tmp_path):
    options = parser().parse_args(["tracker", "--short", "--rounds", "1", "--frames", "2", "--output", str(tmp_path)])
    ((rows, missing),) = measure("tracker", options)
    assert not missing
    measured = {(row.route, row.quantity): row.values[1] for row in rows}
    assert measured["rar_thin fp32", "frames/s"] > 0
    parts = [measured["rar_thin fp32 by part", part] for part in ("decode", "crop", "network", "filter", "rest")]
    assert sum(parts) == pytest.approx(measured["rar_thin fp32 by part", "wall"], rel=0.2)
    pytest.importorskip("onnxruntime")
    assert measured["rar_thin fp32, ONNX Runtime", "frames/s"] > 0
    assert measured["rar_thin int8, ONNX Runtime", "frames/s"] > 0
