import dataclasses

import pytest

from rar_gluon.common import InputError
from rar_gluon.evaluation.vot.protocol import load_protocol, rule_names


def test_protocols_load():
    assert rule_names() == ("matlab", "pysot", "exact", "python-toolkit")
    challenges = ("VOT2015", "VOT2016", "VOT2017", "VOT2018", "VOT2019")
    with pytest.raises(InputError, match=f"choose one of {', '.join(challenges)}"):
        load_protocol("none")
    intervals = [load_protocol(challenge).interval for challenge in challenges]
    assert intervals == [(108, 371), (108, 371), (100, 356), (100, 356), (46, 291)]
    for rules in rule_names():
        p = load_protocol("VOT2017", rules)
        assert (p.rules, p.failure_overlap, p.skip, p.burn_in, p.repetitions) == (rules, 0, 5, 10, 15)
        assert (p.deterministic_after, p.sensitivity) == (3, 30)


def test_protocol_is_validated(protocol):
    with pytest.raises(InputError, match="'VOT2099' is none of the intervals of VOT: choose one of VOT2015"):
        load_protocol("VOT2099")
    with pytest.raises(InputError, match="choose one of matlab, pysot, exact, python-toolkit"):
        load_protocol(rules="vot")
    for change, words in [({"weights": "some"}, "weights"), ({"interval": (9, 3)}, "interval"), ({"skip": 0}, "skip")]:
        with pytest.raises(InputError, match=words):
            dataclasses.replace(protocol, **change)
