import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import jobs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def rar_thin_script():
    """Run a command of experiments/rar_thin: `rar_thin_script(name, *arguments)` gives the process that ended."""

    def run(name, *arguments):
        command = [sys.executable, f"experiments/rar_thin/{name}.py", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    return run


@pytest.fixture
def job_of():
    """Make a job of two epochs of two steps in a folder."""

    def make(folder, **training):
        values = {"training": {"epoch_clips": 16, "batch": 8, "epochs": 2, **training}}
        return jobs.Job("row01", 0, folder / "row01" / "seed0", jobs.configuration.from_dict(values))

    return make
