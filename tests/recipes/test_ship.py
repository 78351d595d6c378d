import sys

import pytest

from recipes.rar_thin import ship


@pytest.mark.parametrize("arguments", [(), ("nowhere.npz",), (ship.__file__,)])
def test_what_cannot_be_shipped_is_said(monkeypatch, capsys, arguments):
    monkeypatch.setattr(sys, "argv", ["ship", *arguments])
    try:
        status = ship.main()
    except SystemExit as end:  # of the parser
        status = end.code
    errors = capsys.readouterr().err
    assert status == 2 and "ship" in errors and "Traceback" not in errors


@pytest.mark.parametrize("more, recorded", [([], ""), (["--confidence", "7", "-0.35"], " --confidence 7.0 -0.35")])
def test_the_command_that_is_recorded_is_the_one_that_was_called(monkeypatch, tmp_path, more, recorded):
    """On the weights that ship, which are stored elsewhere."""
    commands = []
    monkeypatch.setattr(ship, "record", lambda path, command: commands.append(command))
    monkeypatch.setattr(ship, "write_graphs", lambda: None)
    monkeypatch.setattr(sys, "argv", ["ship", str(ship.SHIPPED), *more])
    monkeypatch.setattr(ship, "SHIPPED", tmp_path / "stored.npz")
    assert ship.main() == 0
    assert commands == [f"python -m recipes.rar_thin.ship RUN/rar_thin.npz{recorded}"]
