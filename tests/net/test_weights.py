import csv
import hashlib
import re
import shutil
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from rar_gluon.common import InputError, Notice
from rar_gluon.config import from_dict, load, to_dict
from rar_gluon.net import weights
from rar_gluon.net.rar import build
from rar_gluon.net.weights import (
    BACKBONE,
    SHIPPED,
    as_arrays,
    assign,
    convert,
    from_gluoncv,
    load_network,
    parameters,
    read_confidence,
    read_weights,
    save_arrays,
    save_network,
)

from mxnet import nd  # isort: skip  (after rar_gluon, which sets its threads)


def values(net):
    return {name: parameter.data().asnumpy() for name, parameter in parameters(net).items()}


def known(config):
    """What a weights file says of a configuration of which only the network is known."""
    return {"network": to_dict(config.network)}


@pytest.fixture(scope="module")
def config(small_config):
    return small_config(levels=["conv3", "conv4"])


@pytest.fixture(scope="module")
def saved(tmp_path_factory, config, make_net):
    """A network with random parameters and its weights file."""
    net = make_net(config)
    path = tmp_path_factory.mktemp("weights") / "net.npz"
    save_network(net, path)
    return net, path


# Round trips ---------------------------------------------------------------------------------------------------------


def test_what_is_saved_loads_bit_for_bit(saved, config, images):
    net, path = saved
    loaded = load_network(config, path)
    expected = values(net)
    assert values(loaded).keys() == expected.keys()
    for name, array in values(loaded).items():
        assert array.dtype == np.float32 and (array == expected[name]).all(), name
    image = images()
    state = net.begin_state(image.shape)
    for ours, theirs in zip(loaded(image, *state), net(image, *state)):
        assert (ours == theirs).asnumpy().all()


def test_the_file_is_plain_numpy_and_says_what_it_is(saved, config):
    net, path = saved
    with np.load(path, allow_pickle=False) as file:
        assert str(file["holds"]) == "network"
        assert yaml.safe_load(str(file["config"])) == {"network": to_dict(config.network)}
        assert set(file.files) == {"holds", "config", *parameters(net)}
    assert list(path.parent.iterdir()) == [path]  # nothing left beside it


def test_float16_halves_the_file_and_keeps_three_digits(saved, config, tmp_path):
    net, path = saved
    half = tmp_path / "half.npz"
    save_network(net, half, "float16")
    assert half.stat().st_size < 0.7 * path.stat().st_size
    expected = values(net)
    for name, array in values(load_network(config, half)).items():
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, expected[name], rtol=1e-3, atol=1e-6, err_msg=name)


def test_a_number_too_large_for_float16_is_not_saved_as_infinite(config, make_net, tmp_path):
    net = make_net(config)
    net.backbone.bn1.running_var.set_data(nd.full((8,), 1e6))
    with pytest.raises(InputError, match=r"backbone\.bn1\.running_var is not finite as float16"):
        save_network(net, tmp_path / "half.npz", "float16")
    assert not (tmp_path / "half.npz").exists()


def test_a_backbone_only_file_leaves_the_rest_at_its_start(saved, config, tmp_path):
    net, _ = saved
    arrays = {name: array for name, array in values(net).items() if name.startswith("backbone.")}
    path = tmp_path / "backbone.npz"
    save_arrays(path, arrays, known(config), "backbone")
    loaded, fresh = values(load_network(config, path)), values(build(config.network, seed=config.training.seed))
    for name, array in loaded.items():
        assert (array == (arrays if name in arrays else fresh)[name]).all(), name


def test_a_backbone_serves_every_stride_level_and_deformable_stage(saved, small_config, tmp_path, images):
    """Parameters do not depend on them, but for kernels that turn deformable and offsets that start at zero."""
    net, _ = saved
    arrays = {name: array for name, array in values(net).items() if name.startswith("backbone.")}
    plain = {name.replace("deformable_conv_weight", "weight"): a for name, a in arrays.items() if "offset" not in name}
    path = tmp_path / "backbone.npz"
    save_arrays(path, plain, known(small_config(deformable=[])), "backbone")
    for options in ({"stride": 16, "levels": ["conv3"], "deformable": []}, {"levels": ["conv4"], "dilate": True}):
        loaded = values(load_network(small_config(**options), path))
        kernels = {name: array for name, array in loaded.items() if name in plain}
        assert kernels and all((array == plain[name]).all() for name, array in kernels.items())
        assert not any(array.any() for name, array in loaded.items() if ".offset_" in name)
        deformable = [name for name in loaded if name.endswith("deformable_conv_weight")]
        assert len(deformable) == len(options.get("deformable", ["conv4"]))
        for name in deformable:
            assert (loaded[name] == plain[name.replace("deformable_conv_weight", "weight")]).all()


# Refusals ------------------------------------------------------------------------------------------------------------


def test_an_absent_file(config, tmp_path, refusal):
    assert "absent.npz" in refusal(load_network, config, tmp_path / "absent.npz")
    assert str(tmp_path) in refusal(load_network, config, tmp_path)  # a folder


def write_npy(path):
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:3]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no zip file at all"),
        write_npy,
        lambda path: np.savez(path, a=np.zeros(3)),
        lambda path: np.savez(path, network="network: [", holds="network"),
        lambda path: np.savez(path, network="7", holds="network"),
        lambda path: np.savez(path, network="{stride: 9}", holds="network"),
        lambda path: np.savez(path, network="{}", holds=np.array([object()])),
    ],
    ids=["half", "end-cut", "start", "empty", "text", "npy", "foreign", "no-yaml", "no-map", "bad-value", "pickle"],
)
def test_a_damaged_or_foreign_file(saved, config, tmp_path, damage, refusal):
    path = tmp_path / "damaged.npz"
    path.write_bytes(saved[1].read_bytes())
    damage(path)
    assert "damaged.npz" in refusal(load_network, config, path)


def test_flipped_bytes_anywhere_are_refused_or_harmless(tmp_path):
    """Bytes changed at many places of a file, one place at a time: an `InputError`, or arrays that are as they were
    (a damaged directory may hide some, which `assign` finds)."""
    rng = np.random.default_rng(0)
    arrays = {f"backbone.{name}": rng.normal(size=(4, 5)).astype(np.float32) for name in ("a", "b")}
    path = tmp_path / "damaged.npz"
    save_arrays(path, arrays, known(from_dict({})), "backbone")
    content = path.read_bytes()
    refused = 0
    for start in range(0, len(content) - 8, 3):
        for mask in (0xFF, 0x01):
            damaged = bytearray(content)
            damaged[start : start + 8] = bytes(byte ^ mask for byte in damaged[start : start + 8])
            path.write_bytes(damaged)
            try:
                read, stored, holds = read_weights(path)
            except InputError:
                refused += 1
                continue
            assert stored["network"] == to_dict(from_dict({}))["network"] and holds == "backbone", start
            assert all((array == arrays[name]).all() for name, array in read.items()), start
    assert refused > 0.5 * 2 * len(content) / 3


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("refinement.out.weight", np.nan, "refinement.out.weight is not finite"),
        ("backbone.mean", -np.inf, "backbone.mean is not finite"),
        ("refinement.out.weight", 1e9, "refinement.out.weight holds 1e+09, which no training comes to"),
        ("refinement.out.weight", -1e30, "refinement.out.weight holds -1e+30"),
        ("backbone.bn1.running_var", -1.0, "backbone.bn1.running_var holds -1"),
    ],
)
@pytest.mark.parametrize("holds", ["network", "backbone"])
def test_numbers_that_no_training_gives(saved, config, tmp_path, name, value, words, holds, refusal):
    arrays = values(saved[0])
    arrays[name].flat[-1] = value
    path = tmp_path / "absurd.npz"
    save_arrays(path, arrays, known(config), holds)
    assert f"absurd.npz: {words}" in refusal(load_network, config, path)


@pytest.mark.parametrize("dtype", ["int8", "complex64", "U3", "bool", "datetime64[s]"])
def test_parameters_that_are_no_floating_point_numbers(saved, config, tmp_path, dtype, refusal):
    arrays = values(saved[0])
    arrays["refinement.out.weight"] = np.ones_like(arrays["refinement.out.weight"]).astype("i4").astype(dtype)
    path = tmp_path / "odd.npz"
    save_arrays(path, arrays, known(config), "network")
    assert "and not floating-point numbers" in refusal(load_network, config, path)


def test_a_small_file_that_unpacks_into_more_than_there_is_room_for(config, tmp_path, monkeypatch, refusal):
    path = tmp_path / "bomb.npz"
    save_arrays(path, {"zeros": np.zeros(10**6)}, known(config), "network")
    monkeypatch.setattr(weights, "LARGEST_FILE", 10**6)
    assert path.stat().st_size < 10**5 and "unpacks into more than" in refusal(load_network, config, path)


# What they were trained with -----------------------------------------------------------------------------------------


def test_the_whole_configuration_is_stored_and_what_tracks_otherwise_is_told(saved, config, tmp_path):
    net, path = saved[0], tmp_path / "trained.npz"
    save_network(net, path, config=config)
    assert read_weights(path).config == to_dict(config)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Notice)
        load_network(config, path)
        load_network(from_dict({"tracking": {"scales": 5}, "training": {"seed": 3}}, base=config), path)
        load_network(from_dict({"filter": {"lambda1": 0.5}}, base=config), saved[1])  # which does not say
    other = from_dict({"filter": {"lambda1": 0.5}, "tracking": {"input_size": 255, "padding": 3}}, base=config)
    with pytest.warns(Notice) as caught:
        load_network(other, path)
    assert [str(warning.message) for warning in caught if warning.category is Notice] == [
        f"{path} was made for tracking.input_size 127 (here 255), tracking.padding 2.0 (here 3.0), "
        "filter.lambda1 0.0001 (here 0.5)."
    ]


def test_contexts_are_no_news_where_none_were_trained_with(saved, config, tmp_path):
    """As docs/guide/train.md trains. Others than those of the training are."""
    net, path = saved[0], tmp_path / "trained.npz"
    for trained, contexts, notices in ((0, 4, 0), (4, 0, 1)):
        save_network(net, path, config=from_dict({"filter": {"contexts": trained}}, base=config))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", Notice)
            load_network(from_dict({"filter": {"contexts": contexts}}, base=config), path)
        assert len(caught) == notices


def test_a_converted_file_keeps_its_confidence(tmp_path, refusal):
    """And has a name by which it is read."""
    with np.load(SHIPPED) as file:
        np.savez(tmp_path / "mine.npz", **{**file, "confidence": np.array([0.3, 7.0])})
    convert(tmp_path / "mine.npz", tmp_path / "half.npz", "float16")
    assert read_confidence(tmp_path / "half.npz") == (0.3, 7.0)
    assert "ends in .npz" in refusal(convert, tmp_path / "mine.npz", tmp_path / "half.safetensors")


def test_files_of_earlier_versions_load(saved, config, tmp_path):
    path = tmp_path / "old.npz"
    np.savez(path, network=yaml.safe_dump(to_dict(config.network)), holds="network", **values(saved[0]))
    loaded = values(load_network(config, path))
    assert all((array == loaded[name]).all() for name, array in values(saved[0]).items())


def test_weights_of_another_network(saved, config, small_config, refusal):
    _, path = saved
    for options, words in (
        ({"levels": ["conv3", "conv4"], "width": 0.25}, ["network.width is 0.125 there and 0.25 here"]),
        ({"levels": ["conv3"], "stride": 16}, ["network.levels", "network.stride is 8 there and 16 here"]),
        ({"levels": ["conv3", "conv4"], "lstm_hidden": 5}, ["network.lstm_hidden is 4 there and 5 here"]),
    ):
        message = refusal(load_network, small_config(**options), path)
        assert all(word in message for word in words) and "net.npz" in message


def test_shipped_weights_for_another_network(refusal):
    message = refusal(load_network, load("rar"))
    assert "--weights" in message and "--pretrained" in message


def test_a_backbone_of_another_width(saved, config, small_config, tmp_path, refusal):
    path = tmp_path / "backbone.npz"
    save_arrays(path, values(saved[0]), known(config), "backbone")
    message = refusal(load_network, small_config(downsample="1x1"), path)
    assert "network.downsample is 3x3 there and 1x1 here" in message


@pytest.mark.parametrize("holds", ["network", "backbone"])
def test_a_file_that_lacks_parameters(saved, config, tmp_path, holds, refusal):
    arrays = values(saved[0])
    del arrays["backbone.conv3.1.conv2.weight"]
    path = tmp_path / "partial.npz"
    save_arrays(path, arrays, known(config), holds)
    message = refusal(load_network, config, path)
    assert "partial.npz lacks 1 parameter" in message and "backbone.conv3.1.conv2.weight" in message


def test_a_parameter_of_another_shape(saved, config, tmp_path, refusal):
    arrays = values(saved[0])
    arrays["backbone.conv1.weight"] = arrays["backbone.conv1.weight"][:4]
    path = tmp_path / "odd.npz"
    save_arrays(path, arrays, known(config), "network")
    message = refusal(load_network, config, path)
    assert "backbone.conv1.weight has shape (4, 3, 7, 7), this network needs (8, 3, 7, 7)" in message


def test_assign_changes_nothing_when_it_refuses(saved, config, refusal):
    net = build(config.network)
    before = values(net)
    arrays = values(saved[0])
    arrays["refinement.out.weight"] = np.zeros((1, 1))
    refusal(assign, net, arrays, "here")
    assert all((array == before[name]).all() for name, array in values(net).items())


# GluonCV and the shipped file ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gluoncv_resnet():
    """GluonCV's resnet50_v1b with random weights and random statistics."""
    model_zoo = pytest.importorskip("gluoncv.model_zoo")
    theirs = model_zoo.get_model("resnet50_v1b", pretrained=False, pretrained_base=False)
    theirs.initialize()
    theirs(nd.zeros((1, 3, 64, 64)))
    rng = np.random.default_rng(0)
    for name, parameter in sorted(theirs._collect_params_with_prefix().items()):
        shape = parameter.shape
        if len(shape) > 1:
            parameter.set_data(nd.array(rng.normal(0, np.sqrt(1.5 / np.prod(shape[1:])), shape)))
        elif name.endswith(("gamma", "running_var")):
            parameter.set_data(nd.array(rng.uniform(0.5, 1.5, shape)))
        else:
            parameter.set_data(nd.array(rng.normal(0, 0.3, shape)))
    return theirs


def gluoncv_stages(theirs, x):
    """Outputs of layer2 (conv3) and layer3 (conv4) of GluonCV's network."""
    x = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x))))
    conv3 = theirs.layer2(theirs.layer1(x))
    return conv3, theirs.layer3(conv3)


@pytest.mark.slow
def test_features_on_gluoncv_weights_are_gluoncvs(gluoncv_resnet):
    """At the original stride of 32, away from the borders.

    Table 1 places our cells later: by 1 pixel (conv1 padded by 2, not 3), 2 (pool not padded) and 4 (conv3_1 samples
    from its second row on). So GluonCV's network gets the image from pixel 7 on.
    """
    network = {
        "stride": 32,
        "levels": ["conv3", "conv4"],
        "deformable": [],
        "inter_frame": False,
        "refinement": "concat",
    }
    net = build(from_dict({"network": network}).network)
    assign(net, from_gluoncv(as_arrays(gluoncv_resnet)), "GluonCV", partial=True)
    coarse = np.random.default_rng(1).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (511, 511), interpolation=cv2.INTER_CUBIC)
    ours = net.backbone(nd.array(image.transpose(2, 0, 1)[None], dtype="float32"))
    rgb = image[7:, 7:, ::-1] / 255.0
    normalised = (rgb - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    theirs = gluoncv_stages(gluoncv_resnet, nd.array(normalised.transpose(2, 0, 1)[None], dtype="float32"))
    for a, b, border in zip(ours, theirs, (10, 10)):
        a, b = a.asnumpy(), b.asnumpy()
        inner = slice(border, min(a.shape[-1], b.shape[-1]) - border)
        assert inner.stop - inner.start >= 10
        scale = np.abs(b[..., inner, inner]).max()
        np.testing.assert_allclose(a[..., inner, inner], b[..., inner, inner], atol=1e-4 * scale)


def test_gluoncv_parameters_fill_the_full_network(gluoncv_resnet):
    """All but the classifier are used; only offsets, attention and refinement stay as they are."""
    arrays = from_gluoncv(as_arrays(gluoncv_resnet))
    net = build(load("rar").network)
    missing = assign(net, arrays, "GluonCV", partial=True)
    assert {name.split(".")[0] for name in missing if ".offset_" not in name} == {
        "attention_conv3",
        "attention_conv4",
        "attention_conv5",
        "refinement",
    }
    own = set(parameters(net))
    left = {name for name in arrays if name not in own}
    assert left == {"backbone.conv4.0.conv2.weight"}  # it became the deformable kernel
    kernel = parameters(net)["backbone.conv4.0.conv2.deformable_conv_weight"].data().asnumpy()
    assert (kernel == arrays["backbone.conv4.0.conv2.weight"]).all()


def test_the_shipped_weights_are_those_of_rar_thin(shipped):
    config, net = shipped
    assert SHIPPED.stat().st_size <= 25e6
    arrays, stored, holds = read_weights(SHIPPED)
    assert holds == "network" and stored["network"] == to_dict(config.network)
    own = values(net)
    assert set(own) == set(arrays)
    for name, array in own.items():
        assert np.isfinite(array).all() and (array == arrays[name].astype(np.float32)).all(), name
    assert own["backbone.mean"].ravel().tolist() == [104, 117, 123]


def test_the_shipped_backbone_starts_rar_thin_and_its_frozen_stages_are_still_those(shipped):
    config, net = shipped
    arrays, stored, holds = read_weights(BACKBONE)
    stored = stored["network"]
    assert holds == "backbone" and BACKBONE.stat().st_size <= 25e6
    assert (stored["backbone"], stored["width"], stored["downsample"]) == ("resnet50", 0.5, "1x1")
    start, trained = values(load_network(config, BACKBONE)), values(net)
    for name in start:
        if name.startswith("backbone."):
            assert (start[name] == arrays[name].astype(np.float32)).all(), name
            frozen = name.split(".")[1] in ("mean", "conv1", "bn1", "conv2")
            assert frozen == np.array_equal(start[name], trained[name]) or name.endswith(("_mean", "_var")), name


def test_the_files_of_the_package_are_those_it_tells_of(tmp_path, monkeypatch, refusal):
    """assets/weights.csv has each, with its hash, and a file that was exchanged is not loaded."""
    with open(SHIPPED.with_name("weights.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [*SHIPPED.parent.glob("*.npz"), *SHIPPED.parent.glob("*/tracker.json")]
    assert {row["file"] for row in rows} == {path.relative_to(SHIPPED.parent).as_posix() for path in kept}
    for row in rows:
        content = (SHIPPED.parent / row["file"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
        assert all(row[name] for name in ("version", "commit", "command"))
    for name in ("rar_thin.npz", "weights.csv"):
        shutil.copy(SHIPPED.with_name(name), tmp_path)
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "rar_thin.npz")
    load_network(load("rar_thin"))
    shipped = read_weights(SHIPPED)
    exchanged = {name: array + 1 for name, array in shipped.arrays.items()}
    save_arrays(tmp_path / "rar_thin.npz", exchanged, shipped.config, shipped.holds)
    assert "is not the file that this version comes with" in refusal(load_network, load("rar_thin"))


def test_names_are_those_of_save_parameters(saved, tmp_path):
    net, _ = saved
    net.save_parameters(str(tmp_path / "net.params"))
    assert set(nd.load(str(tmp_path / "net.params"))) == set(parameters(net))
    assert all(re.fullmatch(r"[a-z0-9_.]+", name) for name in parameters(net))


def test_the_packages_weights_are_known_by_any_path(monkeypatch, tmp_path):
    """From a checkout, by a relative path or a link: no notice of other contexts, and the hash is checked."""
    monkeypatch.chdir(SHIPPED.parents[2])
    relative, link = SHIPPED.relative_to(SHIPPED.parents[2]), tmp_path / "link.npz"
    link.symlink_to(SHIPPED)
    stored = read_weights(SHIPPED).config
    for path in (relative, link):
        assert weights.is_shipped(path) and read_weights(path).config == stored
    assert not weights.is_shipped(tmp_path / "other.npz")


def test_an_exported_model_is_no_weights_file(tmp_path, refusal):
    (tmp_path / "x.onnx").write_bytes(b"model")
    assert "is a graph of rar export: give its folder and --runtime onnx" in refusal(read_weights, tmp_path / "x.onnx")


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch, refusal, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"")

    def no(self, *_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", no)
    assert refusal(read_weights, path) == f"{path} cannot be read: Permission denied."
