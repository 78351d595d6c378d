import csv
import dataclasses
import re
from dataclasses import make_dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rar_gluon import config as configuration
from rar_gluon.common import InputError
from rar_gluon.config import (
    Config,
    FilterConfig,
    NetworkConfig,
    TrackingConfig,
    assumed,
    between,
    dump,
    explain,
    from_dict,
    load,
    name_of,
    odd,
    one_of,
    paper,
    to_dict,
)
from rar_gluon.report.published import LITERATURE

ROOT = Path(__file__).parents[1]
STAGES = ["conv3", "conv4", "conv5"]


def flat(values, prefix=""):
    """Nested mappings as one, of dotted paths."""
    leaves = {}
    for key, value in values.items():
        leaves.update(flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return leaves


def nested(path, value):
    """`{"network": {"stride": 8}}` of "network.stride"."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


@pytest.fixture
def refusal(refusal):
    """Message with which `from_dict` refuses values."""
    return partial(refusal, from_dict)


@pytest.fixture
def write(tmp_path):
    """Write a YAML file; returns its path."""

    def make(text, name="config.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return make


# Marks ---------------------------------------------------------------------------------------------------------------


def without_mark(node, prefix=""):
    """Paths of a dataclass's leaves that lack a mark, a source or the accepted values. The walk is our own."""
    unmarked = []
    for leaf in dataclasses.fields(node):
        if dataclasses.is_dataclass(leaf.default):
            unmarked += without_mark(leaf.default, f"{prefix}{leaf.name}.")
            continue
        metadata = leaf.metadata
        marked = metadata.get("mark") in ("paper", "assumed") and metadata.get("source", "").strip()
        if not marked or "accept" not in metadata:
            unmarked.append(prefix + leaf.name)
    return unmarked


def test_every_field_has_a_mark_and_a_source():
    assert without_mark(Config) == []


def test_a_field_without_mark_is_found():
    section = make_dataclass(
        "Section",
        [
            ("marked", int, paper(1, "Table 1", between(0, 2))),
            ("bare", int, 1),
            ("sourceless", int, assumed(1, " ", between(0, 2))),
        ],
        frozen=True,
    )
    section_class = make_dataclass("Whole", [("section", section, section()), ("loose", float, 0.5)], frozen=True)
    assert without_mark(section_class) == ["section.bare", "section.sourceless", "loose"]


def test_defaults_are_accepted_by_their_own_rule():
    paths = []
    for path, leaf, value in configuration.fields():
        assert leaf.metadata["accept"].test(value), path
        paths.append(path)
    assert sorted(paths) == sorted(flat(to_dict(Config())))


PAPER = {  # Sections 3.1, 4.1 and Table 1
    "network.backbone": "resnet50",
    "network.width": 1.0,
    "network.stem_channels": 64,
    "network.stride": 8,
    "network.levels": STAGES,
    "network.deformable": ["conv4"],
    "network.downsample": "3x3",
    "network.inter_frame": True,
    "network.channel": True,
    "network.spatial": True,
    "network.refinement": "stacked",
    "filter.lambda1": 1e-4,
    "filter.lambda2": 1e-1,
    "filter.template_gradient": True,
    "tracking.input_size": 255,
    "tracking.padding": 2.0,
    "tracking.scales": 3,
    "tracking.scale_step": 1.02,
    "training.learning_rate": 1e-3,
    "training.final_learning_rate": 1e-4,
    "training.momentum": 0.9,
    "training.weight_decay": 5e-4,
    "training.templates": 1,
    "training.frozen": ["conv1", "conv2"],
}


def test_values_marked_paper_are_the_papers():
    values = flat(to_dict(load("rar")))
    marked = {path for path, leaf, _ in configuration.fields() if leaf.metadata["mark"] == "paper"}
    assert marked == set(PAPER)
    assert {path: values[path] for path in PAPER} == PAPER


def test_settings_of_a_command_line():
    values = configuration.settings_to_dict(["training.epochs=3", "network.levels=[conv3, conv4]", "training.batch=8"])
    assert values == {"training": {"epochs": 3, "batch": 8}, "network": {"levels": ["conv3", "conv4"]}}
    for wrong in ("training", "training.epochs", "epochs=3", "training.epochs=", "training.frozen=[conv1"):
        with pytest.raises(InputError, match="--set"):
            configuration.settings_to_dict([wrong])


def test_explain_names_every_field_its_mark_and_what_changed():
    lines = explain(from_dict({"network": {"stride": 16, "deformable": []}})).splitlines()
    by_path = {line.split()[0]: line for line in lines}
    assert set(by_path) == set(flat(to_dict(Config())))
    assert all(" paper (" in line or " assumed (" in line for line in lines)
    assert [path for path, line in by_path.items() if "changed from" in line] == [
        "network.stride",
        "network.deformable",
    ]
    assert "16" in by_path["network.stride"] and "changed from 8, paper (Section 4.1" in by_path["network.stride"]
    assert "changed from ['conv4'], paper (Section 4.1" in by_path["network.deformable"]
    assert " paper (Section 4.1" in by_path["training.learning_rate"]


# YAML in and out -----------------------------------------------------------------------------------------------------

OTHER = {
    "network": {"stride": 16, "levels": ["conv3", "conv5"], "deformable": [], "inter_frame": False, "width": 0.3},
    "filter": {"lambda1": 1e-7, "contexts": 0, "denominator": "per-channel"},
    "tracking": {"scale_step": 1.0375, "scales": 7, "input_size": 225},
    "training": {"frozen": [], "seed": 12345, "weight_decay": 1e-10},
}


@pytest.mark.parametrize("config", [Config(), from_dict(OTHER), load("rar_thin")])
def test_what_is_dumped_loads_as_the_same(config, write):
    assert load(write(dump(config))) == config
    assert from_dict(to_dict(config)) == config


def test_presets():
    assert load("rar") == Config()
    assert load(ROOT / "experiments" / "rar.yaml") == Config()
    thin = load("rar_thin")
    assert (thin.network.width, thin.network.levels, thin.filter.context_source) == (0.5, ("conv3", "conv4"), "feature")


def test_an_empty_file_is_the_default(write):
    assert load(write("")) == Config()
    assert load(write("# nothing\n{}\n")) == Config()


def test_base_is_a_preset(write):
    assert load(write("base: rar_thin\ntracking: {scales: 5}\n")) == from_dict(
        {"tracking": {"scales": 5}}, base=load("rar_thin")
    )


def test_base_is_relative_to_the_file_and_chains(write):
    write("network: {stride: 16}\nfilter: {lambda1: 0.5}\n", "base.yaml")
    write("base: ../base.yaml\nfilter: {lambda1: 0.25}\n", "middle/middle.yaml")
    leaf = write("base: middle/middle.yaml\nfilter: {lambda2: 0.125}\n", "leaf.yaml")
    config = load(leaf)
    assert (config.network.stride, config.filter.lambda1, config.filter.lambda2) == (16, 0.25, 0.125)
    assert load(str(leaf)) == config


@pytest.mark.parametrize("files", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "b"}])
def test_a_circle_is_refused(write, files):
    for name, base in files.items():
        write(f"base: {base}.yaml\n", f"{name}.yaml")
    with pytest.raises(InputError, match="leads back to itself"):
        load(write(f"base: {files['a']}.yaml\n", "a.yaml"))


def test_two_files_may_have_one_base(write):
    write("tracking: {scales: 5}\n", "base.yaml")
    write("base: base.yaml\n", "middle.yaml")
    assert load(write("base: middle.yaml\n", "leaf.yaml")).tracking.scales == 5


@pytest.mark.parametrize(
    "text",
    [
        "network: [1, 2\n",
        "network: {stride: 8\n",
        "- network\n",
        "just words\n",
        "7\n",
        "base: 3\n",
        "base: [rar]\n",
        "base: absent.yaml\n",
        "network:\n",
        "network: 8\n",
        "network: {stride: 2001-99-99}\n",  # YAML reads a date, and there is none such
        "\x00",
        "[]\n",
        "false\n",
    ],
)
def test_a_file_that_is_no_config_is_refused(write, text):
    path = write(text)
    with pytest.raises(InputError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert ("absent.yaml" if "absent" in text else "config.yaml") in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xff\xfe\x00\xd8network")
    with pytest.raises(InputError, match=r"config\.yaml"):
        load(path)


@pytest.mark.parametrize("source", ["absent.yaml", "rar_thick", "", "."])
def test_an_absent_config_names_the_presets(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="rar, rar_thin"):
        load(source)


def test_a_key_that_is_given_twice_is_refused(write):
    for text in ("network: {stride: 8}\nnetwork: {stride: 4}\n", "network: {stride: 8, width: 0.5, stride: 8}\n"):
        with pytest.raises(InputError, match=r"not usable YAML: the key '(network|stride)' is given twice"):
            load(write(text))


def test_numbers_of_numpy_and_lists_are_taken_as_what_they_are():
    network = NetworkConfig(stride=np.int64(16), width=np.float32(0.5), dilate=np.bool_(True), levels=["conv3"])
    assert network == NetworkConfig(stride=16, width=0.5, dilate=True, levels=("conv3",))
    assert [type(value) for value in (network.stride, network.width, network.dilate)] == [int, float, bool]
    assert hash(network) == hash(NetworkConfig(stride=16, width=0.5, dilate=True, levels=("conv3",)))


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: NetworkConfig(stride=7), "network.stride is 7, which is not accepted; accepted: one of 4, 8, 16, 32"),
        (lambda: FilterConfig(lambda1=float("nan")), "filter.lambda1 is nan"),
        (lambda: TrackingConfig(padding="wide"), "tracking.padding is 'wide' but must be a number"),
        (lambda: dataclasses.replace(Config().training, batch=0), "training.batch is 0"),
        (lambda: Config(filter=NetworkConfig()), "filter is a NetworkConfig but must be a FilterConfig"),
        (lambda: Config(network={"stride": 8}), "network is a dict but must be a NetworkConfig"),
        (lambda: Config(NetworkConfig(stride=32), tracking=TrackingConfig(input_size=127)), "at least 128"),
    ],
)
def test_values_are_checked_however_a_config_is_made(make, words):
    with pytest.raises(InputError, match=re.escape(words)):
        make()


# Refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["network.stridee", "stride", "tracking.window.kind", "filter.1"])
def test_an_unknown_key_is_refused_with_its_path(path, refusal):
    if path == "tracking.window.kind":  # a key below a leaf
        assert "tracking.window" in refusal(nested(path, 1))
        return
    message = refusal(nested(path, 1), where="rar.yaml")
    section = type(getattr(Config(), path.split(".")[0])) if "." in path else Config
    assert message.startswith("rar.yaml") and f"unknown key {path};" in message
    assert all(leaf.name in message for leaf in dataclasses.fields(section))


@pytest.mark.parametrize(
    "path, value, words",
    [
        ("network.stride", "8", "a whole number; accepted: one of 4, 8, 16, 32"),
        ("network.stride", 8.0, "a whole number"),
        ("network.stride", True, "a whole number"),
        ("network.stride", None, "a whole number"),
        ("network.stride", [8], "a whole number"),
        ("network.stride", {}, "a whole number"),
        ("network.width", "half", "a number; accepted: from 0.0625 to 2.0"),
        ("network.width", True, "a number"),
        ("network.width", None, "a number"),
        ("network.dilate", 1, "true or false"),
        ("network.dilate", "true", "true or false"),
        ("network.backbone", 50, "a word; accepted: one of resnet50, vgg_m"),
        ("network.levels", "conv3", "a list of words; accepted: at least one of conv3, conv4, conv5"),
        ("network.levels", [3, 4], "a list of words"),
        ("network.levels", {"conv3": 1}, "a list of words"),
        ("training.seed", 1e3, "a whole number"),
    ],
)
def test_a_wrong_type_is_refused_with_path_and_accepted_values(path, value, words, refusal):
    message = refusal(nested(path, value))
    assert f"{path} is {value!r} but must be {words}" in message


@pytest.mark.parametrize(
    "path, value, words",
    [
        ("network.stride", 12, "one of 4, 8, 16, 32"),
        ("network.backbone", "resnet18", "one of resnet50, vgg_m"),
        ("network.levels", [], "at least one of conv3, conv4, conv5"),
        ("network.levels", ["conv4", "conv3"], "in this order"),
        ("network.levels", ["conv3", "conv3"], "each once"),
        ("network.levels", ["conv2"], "conv3, conv4, conv5"),
        ("network.spatial_kernel", 4, "an odd number from 1 to 15"),
        ("network.width", 0, "from 0.0625 to 2.0"),
        ("filter.lambda1", -1e-9, "from 0.0 to 1000000.0"),
        ("filter.lambda1", float("nan"), "from 0.0"),
        ("filter.lambda1", float("inf"), "from 0.0"),
        ("filter.lambda1", "nan", "from 0.0"),
        pytest.param("filter.lambda1", 10**400, "from 0.0", id="400 digits"),
        ("filter.contexts", 3, "one of 0, 4"),
        ("tracking.scales", 2, "an odd number"),
        ("tracking.scale_step", 0.98, "from 1.0"),
        ("tracking.learning_rate", 1.5, "from 0.0 to 1.0"),
        ("training.seed", -1, "from 0"),
        ("training.frozen", ["conv1", "conv9"], "conv1, conv2, conv3, conv4, conv5"),
    ],
)
def test_an_impossible_value_is_refused_with_path_and_accepted_values(path, value, words, refusal):
    message = refusal(nested(path, value))
    assert path in message and words in message


def test_nan_of_a_yaml_file_is_refused(write):
    with pytest.raises(InputError, match=r"tracking\.padding.*from 0\.5 to 8\.0"):
        load(write("tracking: {padding: .nan}\n"))


@pytest.mark.parametrize("text, value", [("1e-4", 1e-4), ("1.0e-4", 1e-4), ("1", 1.0), ("5E-3", 5e-3), ("0", 0.0)])
def test_numbers_that_yaml_takes_for_text_or_whole(write, text, value):
    loaded = load(write(f"filter: {{lambda1: {text}}}\n")).filter.lambda1
    assert loaded == value and type(loaded) is float


@pytest.mark.parametrize(
    "values, words",
    [
        ({"network": {"backbone": "vgg_m", "deformable": [], "stride": 4}}, "network.stride is 4"),
        ({"network": {"backbone": "vgg_m", "deformable": [], "stride": 32}}, "accepted: 8, 16"),
        ({"network": {"backbone": "vgg_m"}}, "deformable: []"),
        ({"network": {"backbone": "vgg_m", "deformable": [], "dilate": True}}, "dilate: false"),
        ({"network": {"backbone": "vgg_m", "deformable": [], "width": 0.5}}, "width: 1.0"),
        ({"network": {"stride": 32}, "tracking": {"input_size": 127}}, "at least 128"),
        ({"network": {"refinement": "concat", "output_channels": 32}}, "network.output_channels"),
        ({"training": {"learning_rate": 1e-5}}, "training.final_learning_rate"),
        ({"training": {"final_learning_rate": 0.0}}, "training.final_learning_rate is 0, which a rate that falls"),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused(values, words, refusal):
    assert words in refusal(values)


@pytest.mark.parametrize(
    "values",
    [
        {"network": {"backbone": "vgg_m", "deformable": [], "stride": 16}},
        {"network": {"stride": 32}, "tracking": {"input_size": 128}},
        {"network": {"refinement": "concat"}},
        {"training": {"learning_rate": 1e-4, "final_learning_rate": 1e-4}},
    ],
)
def test_values_that_fit_each_other_are_not(values):
    made = to_dict(from_dict(values))
    assert all(made[section][key] == value for section, part in values.items() for key, value in part.items())


def test_accept_words_and_tests():
    assert one_of(4, 8).test(8) and not one_of(4, 8).test(5)
    assert odd(1, 5).test(5) and not odd(1, 5).test(4) and not odd(1, 5).test(7)
    assert not between(0.0, 1.0).test(float("nan"))


# Table 3 -------------------------------------------------------------------------------------------------------------


def published_rows():
    with open(LITERATURE / "table3.csv") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", published_rows(), ids=lambda row: f"row{row['row']}")
def test_a_row_of_table3_differs_from_rar_in_what_the_papers_marks_differ_in(row):
    def marked(prefix):
        return [stage for stage in STAGES if row[prefix + stage.replace("conv", "c")] == "1"]

    marks = {"network.levels": marked(""), "network.deformable": marked("def_"), "network.stride": int(row["stride"])}
    marks["training.frozen"] = ["conv1", "conv2", *([] if row["finetuned"] == "1" else STAGES)]
    base = flat(to_dict(load("rar")))
    config = flat(to_dict(load(ROOT / "experiments" / "table3" / f"row{int(row['row']):02d}" / "config.yaml")))
    changed = {path: value for path, value in config.items() if value != base[path]}
    assert changed == {path: value for path, value in marks.items() if value != base[path]}


def test_every_row_of_table3_has_a_config_and_the_other_way_round():
    folders = sorted(path.parent.name for path in (ROOT / "experiments" / "table3").glob("*/config.yaml"))
    assert folders == [f"row{int(row['row']):02d}" for row in published_rows()]


def test_a_row_is_called_after_its_folder(tmp_path, monkeypatch):
    assert name_of("experiments/table3/row13/config.yaml") == "row13"
    assert (name_of("rar_thin"), name_of("mine/small.yaml")) == ("rar_thin", "small")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert name_of("config.yaml") == "here"
