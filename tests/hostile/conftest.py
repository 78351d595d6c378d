"""Generated input: each case must end in a right answer or in one sentence. The same cases at every run.

RAR_EXAMPLES (default 250) is how many cases a test generates; `make power` takes 2,500.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

from rar_gluon.common import InputError

settings.register_profile(
    "hostile",
    max_examples=int(os.environ.get("RAR_EXAMPLES", "250")),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
    report_multiple_bugs=False,
)
settings.load_profile("hostile")


@pytest.fixture(scope="session")
def answer():
    """Call a function; None when it refuses, which it must do in one sentence of readable length."""

    def call(function, *arguments):
        try:
            return function(*arguments)
        except InputError as error:
            message = str(error)
            assert message.endswith((".", "?")) and "\n" not in message.strip() and len(message) < 1000, message[:2000]
            return None

    return call


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    """A folder for the file of each case."""
    return tmp_path_factory.mktemp("hostile")
