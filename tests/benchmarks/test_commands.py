"""Parts that run a whole command run that of the checkout that is measured."""

import numpy as np
import pytest

from benchmarks import scaling, start
from benchmarks.alternate import ROOT


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Another checkout, as a route's process has it; its `rar` writes `called` there. We are in the repository."""
    folder = tmp_path / "before"
    (folder / "rar_gluon" / "cli").mkdir(parents=True)
    (folder / "rar_gluon" / "__init__.py").touch()
    (folder / "rar_gluon" / "cli" / "__init__.py").touch()
    main = "import sys\nfrom pathlib import Path\n(Path(__file__).parents[2] / 'called').write_text(sys.argv[1])\n"
    (folder / "rar_gluon" / "cli" / "__main__.py").write_text(main)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.chdir(ROOT)
    return folder


def test_a_command_is_that_of_the_checkout(checkout):
    assert scaling.command(["eval"])()["times"]["cpu"] >= 0
    assert (checkout / "called").read_text() == "eval"


def test_the_start_is_that_of_the_checkout(checkout, monkeypatch):
    monkeypatch.setattr(start.video, "frames", lambda *_: iter([np.zeros((8, 8, 3), np.uint8)] * 2))
    assert start.two_frames("onnx")()["values"]["peak RSS"] > 0
    assert (checkout / "called").read_text() == "track"
