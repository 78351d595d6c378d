import pytest


@pytest.mark.parametrize("arguments", [(), ("nowhere.npz",), ("recipes/rar_thin/ship.py",)])
def test_what_cannot_be_shipped_is_said(rar_thin_step, arguments):
    done = rar_thin_step("ship", *arguments)
    assert done.returncode == 2 and "ship" in done.stderr and "Traceback" not in done.stderr
