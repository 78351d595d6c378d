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
