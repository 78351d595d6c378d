import pytest


@pytest.mark.parametrize("arguments", [(), ("nowhere.npz",), ("experiments/rar_thin/ship.py",)])
def test_what_cannot_be_shipped_is_said(rar_thin_script, arguments):
    done = rar_thin_script("ship", *arguments)
    assert done.returncode == 2 and "ship" in done.stderr and "Traceback" not in done.stderr
