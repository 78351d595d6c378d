import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def rar_thin_step():
    """Run a step of recipes/rar_thin: `rar_thin_step(name, *arguments)` gives the process that ended."""

    def run(name, *arguments):
        command = [sys.executable, "-m", f"recipes.rar_thin.{name}", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    return run
