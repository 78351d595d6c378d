import importlib
import sys
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
MODULES = ("sizes", "jobs", "costs", "comparisons", "driver")


@pytest.fixture(scope="module")
def experiments():
    """The modules of experiments/ by name, found as its scripts find them."""
    sys.path.insert(0, str(EXPERIMENTS))
    yield {name: importlib.import_module(name) for name in MODULES}
    sys.path.remove(str(EXPERIMENTS))
    for name in MODULES:
        del sys.modules[name]


def one_of(name):
    """Fixture of one of the modules."""

    @pytest.fixture(scope="module")
    def module(experiments):
        return experiments[name]

    return module


sizes, jobs, costs, comparisons, driver = map(one_of, MODULES)


@pytest.fixture
def job_of(jobs):
    """Make a job of two epochs of two steps in a folder."""

    def make(folder, **training):
        values = {"training": {"epoch_clips": 16, "batch": 8, "epochs": 2, **training}}
        return jobs.Job("row01", 0, folder / "row01" / "seed0", jobs.configuration.from_dict(values))

    return make
