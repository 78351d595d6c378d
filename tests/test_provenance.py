import json
import os

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.provenance import describe_run, folder_hash, keep_record


def test_the_record_says_what_ran(tmp_path):
    weights = tmp_path / "w"
    weights.write_bytes(b"weights")
    record = describe_run({"x": 1}, weights)
    assert record["config"] == {"x": 1}
    assert len(record["weights"]) == 64
    assert record["versions"]["numpy"] == np.__version__
    assert record["machine"]["cores"] == os.cpu_count()
    json.dumps(record)
    assert "beside" not in record


def test_what_is_there_must_be_the_same(tmp_path):
    path = tmp_path / "run" / "run.json"
    record = {"config": {"training": {"seed": 1, "frozen": ["conv1"]}}, "data": [{"records": "a"}], "commit": "x"}
    keep_record(path, record, ("config", "data"))
    kept = path.read_bytes()
    keep_record(path, {**record, "commit": "y"}, ("config", "data"))
    assert path.read_bytes() == kept
    for change, words in (
        ({"config": {"training": {"seed": 2, "frozen": ("conv1",)}}}, "another config.training.seed, 1 there and 2"),
        ({"config": {"training": {"seed": 1}}}, "another config.training.frozen, ['conv1'] there and None here"),
        ({"data": []}, "another data, [{'records': 'a'}] there and [] here"),
    ):
        with pytest.raises(InputError) as caught:
            keep_record(path, {**record, **change}, ("config", "data"))
        assert words in str(caught.value) and str(path.parent) in str(caught.value)
    assert path.read_bytes() == kept
    for damage in (b"{", b"[]", b"\xff", b"[" * 100000):
        path.write_bytes(damage)
        with pytest.raises(InputError, match=r"run\.json .* Remove it, or give another folder\.$"):
            keep_record(path, record, ("config", "data"))


def test_a_folder_is_its_names_and_sizes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_text("12")
    before = folder_hash(tmp_path)
    (tmp_path / "a" / "one").write_text("34")
    assert folder_hash(tmp_path) == before
    (tmp_path / "a" / "one").write_text("345")
    changed = folder_hash(tmp_path)
    (tmp_path / "a" / "one").rename(tmp_path / "one")
    assert len({before, changed, folder_hash(tmp_path)}) == 3
