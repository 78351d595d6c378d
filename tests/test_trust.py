"""Nothing that is read can run code: held by a search of the tree."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "pickle": r"\bpickle\.(loads?|Unpickler)\b|^\s*(import|from) (c?[pP]ickle|dill|shelve|marshal)\b|\bjoblib\.load\b",
    "YAML that makes objects": r"\byaml\.(load|load_all|full_load|unsafe_load|FullLoader|UnsafeLoader|Loader)\b",
    "MXNet's pickles": r"\.(load|save)_states\b|\.(set|get)_states\(",
    "eval": r"(?<![\w.])(eval|exec)\(",
    "an optimiser's state, which MXNet pickles": r"\.(load_states|save_states|set_states|get_states)\(",
    "a shell": r"shell=True|\bos\.(system|popen)\(",
}
LOAD = re.compile(r"\bnp\.load\(((?:[^()]|\([^()]*\))*)\)")


@pytest.fixture(scope="module")
def sources():
    folders = ("rar_gluon", "experiments", "benchmarks", "examples")
    texts = {path: path.read_text() for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))}
    assert len(texts) > 50
    return texts


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_that_is_read_runs(sources, what):
    places = [
        f"{path.relative_to(ROOT)}, line {number}"
        for path, text in sources.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(FORBIDDEN[what], line)
    ]
    assert not places


def test_arrays_are_read_without_pickle(sources):
    calls = [(path, call) for path, text in sources.items() for call in LOAD.findall(text)]
    assert calls
    assert not [(path, call) for path, call in calls if "allow_pickle=False" not in call]
