import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("script", sorted((ROOT / "experiments").glob("run_*.sh"), key=str), ids=lambda path: path.name)
def test_a_script_runs_through_a_link(tmp_path, script):
    """As from ~/bin."""
    (tmp_path / "link").symlink_to(script)
    result = subprocess.run(
        [str(tmp_path / "link"), "-c"],
        env={**os.environ, "PYTHON": "echo"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0 and result.stdout.startswith("-m experiments")
