"""Texts that users and data sets bring: configurations, annotations, results, XML, JSON."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rar_gluon import strict_yaml
from rar_gluon.config import Config, from_dict, settings_to_dict, to_dict
from rar_gluon.data.benchmarks import read_labels
from rar_gluon.data.nfs import read_corners
from rar_gluon.data.sequence import read_boxes, read_regions
from rar_gluon.data.vid import read_annotation
from rar_gluon.evaluation.benchmarks.results import read_result
from rar_gluon.evaluation.vot.annotations import read_annotations, read_sizes
from rar_gluon.evaluation.vot.results import read_trajectory
from rar_gluon.evaluation.vot.trax import box_of
from rar_gluon.provenance import keep_record
from rar_gluon.training.journal import read_rows

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 300),
    st.sampled_from([10**400, -(2**64), 1e-4, 0.5, 2.0, 1e308, "1e-4", "rar", "conv3", "3x3", "", "\0", "x" * 9999]),
    st.floats(),
    st.text(max_size=4),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(SCALARS, inner)), max_leaves=3
)
SECTIONS = {name: list(section) for name, section in to_dict(Config()).items()}


@st.composite
def configurations(draw):
    """Mappings that are mostly configurations: real keys, values of all kinds, some of the right one."""
    values = {}
    for section in draw(st.lists(st.sampled_from(list(SECTIONS)), max_size=3)):
        keys = draw(st.lists(st.sampled_from(SECTIONS[section]), max_size=3))
        right = to_dict(Config())[section]
        values[section] = {key: draw(st.one_of(st.just(right[key]), VALUES)) for key in keys}
    if draw(st.integers(0, 9)) == 0:
        values[draw(SCALARS)] = draw(VALUES)
    return values


@given(st.one_of(configurations(), VALUES))
def test_configurations(answer, values):
    config = answer(from_dict, values)
    if config is not None:
        assert from_dict(to_dict(config)) == config and hash(config) is not None
        assert all(math.isfinite(value) for value in to_dict(config)["filter"].values() if isinstance(value, float))


YAML = st.lists(
    st.one_of(
        st.sampled_from(
            ["network: ", "stride: 8", "filter", ": ", "- ", "{", "}", "[", "]", ",", "\n", "\n  ", "&a ", "*a", "<<: ",
             "!!int ", "!!float ", "!!timestamp ", "!!binary ", "!!set ", "!!omap ", "!!python/name:os.system ", "? ",
             "| ", "> ", "'", '"', "#", "---\n", "...\n", "%YAML 9.9\n", "2001-99-99", "0001-01-01T00:00:00+23:59",
             "1e9", "0b", "0x", ".nan", "-.inf", "1:2:3", "=", "~", "\t", "\ufeff", "\x85"]
        ),
        st.text(max_size=3),
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(YAML)
def test_yaml(answer, text):
    values = answer(strict_yaml.parse, text, "here")
    if values is not None:
        answer(from_dict, values)


@given(st.lists(st.one_of(st.text(max_size=12), YAML.map("training.epochs={}".format)), max_size=2))
def test_settings_of_a_command_line(answer, texts):
    values = answer(settings_to_dict, texts)
    if values is not None:
        answer(from_dict, values)


LINES = st.lists(
    st.lists(
        st.one_of(
            st.floats(-1e4, 1e4).map(str),
            st.sampled_from(
                ["nan", "NaN", "inf", "-1e999", "1", "2", "0", "", "x", "0x1", "1_0", "#", "٣", "\0", "9" * 400]
            ),
        ),
        max_size=9,
    ).flatmap(lambda cells: st.sampled_from([",", "\t", " ", ", ", ";"]).map(lambda mark: mark.join(cells))),
    max_size=5,
)
TEXTS = st.one_of(LINES.map("\n".join), LINES.map("\r\n".join), st.text()).map(
    lambda text: text.encode("utf-8", "surrogatepass")
)
BYTES = st.one_of(TEXTS, TEXTS, st.binary(max_size=40))


@given(BYTES)
def test_boxes_a_line(answer, scratch, content):
    path = scratch / "groundtruth.txt"
    path.write_bytes(content)
    boxes = answer(read_boxes, path)
    assert boxes is None or (boxes.ndim == 2 and boxes.shape[1] == 4 and boxes.dtype == np.float64)
    regions = answer(read_regions, path)
    assert (regions is None) == (boxes is None) and (regions is None or regions.shape[1] in (4, 8))


@given(BYTES)
def test_results_of_vot(answer, scratch, content):
    path = scratch / "sequence_001.txt"
    path.write_bytes(content)
    trajectory = answer(read_trajectory, path)
    assert trajectory is None or len(trajectory.codes) == len(trajectory.regions)
    sizes = answer(read_sizes, path)
    assert sizes is None or all(w > 0 and h > 0 for w, h in sizes.values())


ENTRY = st.one_of(VALUES, st.fixed_dictionaries({}, optional={"gt_rect": VALUES, "width": SCALARS, "height": SCALARS}))


@given(st.one_of(st.dictionaries(st.text(max_size=3), ENTRY, max_size=2), VALUES))
def test_annotations_as_pysot_has_them(answer, scratch, value):
    path = scratch / "VOT.json"
    path.write_text(json.dumps(value, skipkeys=True))
    sequences = answer(read_annotations, path)
    for annotation in sequences or ():
        assert np.isfinite(annotation.regions).all() and len(annotation.regions) and min(annotation.size) > 0


TAGS = ["annotation", "size", "width", "height", "object", "trackid", "name", "bndbox", "xmin"]
XML = [f"<{end}{tag}>" for tag in TAGS for end in ("", "/")] + ["9", "1e999", "nan", "-5", "&lt;", "&x;", "<![CDATA["]
XML += ["<?xml version='1.0' encoding='utf-7'?>", "<!DOCTYPE a>", " "]
ANNOTATION = (
    "<annotation><size><width>{}</width><height>{}</height></size><object><trackid>{}</trackid><name>n</name><bndbox>"
    "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox><occluded>{}</occluded></object></annotation>"
)
CELLS = st.one_of(
    st.integers(-2, 300).map(str), st.sampled_from(["", "x", "nan", "1e999", "-inf", "9" * 5000, "<a/>", "&x;"])
)


@given(
    st.one_of(
        st.lists(st.sampled_from(XML), max_size=12).map("".join),
        st.tuples(*[CELLS] * 8).map(lambda c: ANNOTATION.format(*c)),
    )
)
def test_annotations_of_vid(answer, scratch, text):
    path = scratch / "000000.xml"
    path.write_bytes(text.encode())
    annotation = answer(read_annotation, path)
    if annotation is not None:
        (width, height), objects = annotation
        assert width > 0 and height > 0
        assert all(np.isfinite(item.box).all() for item in objects)


def test_entities_of_xml_are_refused(answer, scratch):
    """A few of them can stand for billions of letters, or for a file of the machine."""
    path = scratch / "000000.xml"
    lines = ["<!DOCTYPE a [", '<!ENTITY e0 "ha">']
    lines += [f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12)]
    for entities in ("\n".join([*lines, "]>"]), '<!DOCTYPE a [<!ENTITY e11 SYSTEM "file:///etc/passwd">]>'):
        path.write_text(entities + ANNOTATION.format("&e11;", *"1234567"))
        assert answer(read_annotation, path) is None


class Region:
    """As the package trax gives it."""

    def __init__(self, kind, numbers):
        self.type, self._numbers = kind, numbers

    def bounds(self):
        return self._numbers

    def __iter__(self):
        return iter(list(zip(self._numbers[::2], self._numbers[1::2])))


@given(st.sampled_from(["rectangle", "polygon", "mask", "special", ""]), st.lists(st.floats(), min_size=4, max_size=12))
def test_regions_of_trax(answer, kind, numbers):
    if kind == "rectangle":
        numbers = numbers[:4]
    box = answer(box_of, Region(kind, numbers))
    assert box is None or len(box) == 4


@given(BYTES)
def test_logs_of_a_training(answer, scratch, content):
    path = scratch / "log.csv"
    path.write_bytes(b"step,epoch,loss\n" + content)
    for row in answer(read_rows, path) or ():
        assert int(row["step"]) >= 0


@given(st.one_of(VALUES.map(lambda value: json.dumps(value, skipkeys=True).encode()), BYTES))
def test_records_of_a_run(answer, scratch, content):
    path = scratch / "run.json"
    path.write_bytes(content)
    assert answer(keep_record, path, {"config": 1}, ("config",)) is None
    assert path.read_bytes() == content


@pytest.mark.parametrize("depth", [500, 5000])
def test_deep_texts(answer, scratch, depth):
    deep = "[" * depth + "]" * depth
    (scratch / "run.json").write_text('{"config": ' + deep + "}")
    answer(keep_record, scratch / "run.json", {"config": 1}, ("config",))
    answer(read_annotations, scratch / "run.json")
    assert answer(strict_yaml.parse, deep, "here") is None or depth == 500
    (scratch / "000000.xml").write_text("<a>" * depth + "</a>" * depth)
    answer(read_annotation, scratch / "000000.xml")


@given(BYTES)
def test_boxes_at_once_are_those_line_by_line(answer, scratch, content):
    path = scratch / "boxes.txt"
    path.write_bytes(content)
    boxes = answer(read_boxes, path)
    path.write_bytes(content + b"\n# looked at line by line\n")
    slow = answer(read_boxes, path)
    assert (boxes is None) == (slow is None)
    if boxes is not None:
        assert np.array_equal(boxes, slow, equal_nan=True)


CORNERS = st.lists(
    st.lists(
        st.sampled_from(["0", "7", "-3.5", "nan", "inf", "1e999", '"', '"a b"', "x", "", "9" * 400]), max_size=11
    ).map(" ".join),
    max_size=4,
).map(lambda lines: "\n".join(lines).encode())


@given(st.one_of(BYTES, CORNERS), st.sampled_from([1, 8]))
def test_rows_of_nfs(answer, scratch, content, every):
    path = scratch / "bee.txt"
    path.write_bytes(content)
    corners = answer(read_corners, path, every)
    if corners is not None:
        boxes, occluded = corners
        assert boxes.shape == (len(occluded), 4) and len(boxes) and np.isfinite(boxes[:, :2]).all()


@given(BYTES, st.sampled_from([None, 1, 3]))
def test_labels(answer, scratch, content, count):
    path = scratch / "cover.label"
    path.write_bytes(content)
    labels = answer(read_labels, path, count)
    if labels is not None:
        assert labels.dtype.kind == "i" and labels.ndim == 1 and (count is None or len(labels) == count)


RESULTS = st.one_of(
    st.lists(st.lists(st.one_of(st.floats(), st.integers(-9, 10**30)), min_size=3, max_size=5), max_size=3),
    st.lists(st.lists(st.floats(-99, 99), min_size=4, max_size=4), max_size=3),
    VALUES,
)


@given(
    st.one_of(
        RESULTS,
        RESULTS.map(lambda value: {"res": value}),
        st.tuples(RESULTS, SCALARS).map(lambda pair: [{"res": pair[0], "type": pair[1]}]),
    ).map(lambda value: json.dumps(value, skipkeys=True).encode())
    | BYTES
)
def test_results_in_json(answer, scratch, content):
    path = scratch / "bike1.json"
    path.write_bytes(content)
    boxes = answer(read_result, path)
    if boxes is not None:
        assert boxes.shape[1:] == (4,) and len(boxes) and not np.isinf(boxes).any()


@given(st.sampled_from([b"", b"MATLAB 5.0 MAT-file"]), st.binary(max_size=200))
def test_results_of_matlab(answer, scratch, head, content):
    path = scratch / "bike1.mat"
    path.write_bytes(head + content)
    answer(read_result, path)
