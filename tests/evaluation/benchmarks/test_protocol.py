import dataclasses

import pytest

from rar_gluon.common import InputError
from rar_gluon.data.benchmarks import NAMES
from rar_gluon.evaluation.benchmarks.protocol import printed_numbers, protocol_of_benchmark, protocols_of
from rar_gluon.evaluation.otb.ope import Score
from rar_gluon.evaluation.otb.protocol import load_protocol

SCORED = [name for name in NAMES if name != "got10k_test"]


@pytest.mark.parametrize("key", SCORED)
def test_every_protocol_is_valid_and_says_whose_it_is(key):
    for name in protocols_of(key):
        protocol = protocol_of_benchmark(key, name)
        assert protocol.name == name and protocol.source
    assert protocol_of_benchmark(key) == protocol_of_benchmark(key, protocols_of(key)[0])
    assert set(printed_numbers(key)) <= {field.name for field in dataclasses.fields(Score)}


def test_what_differs_from_otb():
    matlab, lasot = dataclasses.asdict(load_protocol("matlab")), dataclasses.asdict(protocol_of_benchmark("lasot"))
    differ = {name: lasot[name] for name in matlab if matlab[name] != lasot[name]}
    assert differ.pop("name") == "lasot" and differ.pop("source")
    assert differ == {"nan_prediction": "copy-any", "longer": "truncate", "absent": "miss"}


def test_what_is_unknown():
    with pytest.raises(InputError, match="results on 'got10k_test' cannot be scored here: choose one of lasot"):
        protocol_of_benchmark("got10k_test")
    with pytest.raises(InputError, match="'folder' is no protocol of lasot: choose one of lasot, pysot"):
        protocol_of_benchmark("lasot", "folder")
