import pytest

from rar_gluon.cli import windows
from rar_gluon.common import InputError


def refusal(function, *arguments):
    """Message of the `InputError` that a call raises: one sentence on one line."""
    with pytest.raises(InputError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message and message.endswith((".", "?"))
    return message


def test_no_window_without_a_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(windows.sys, "platform", "linux")
    assert "--show" in refusal(windows.require_display, "--show")
    monkeypatch.setattr(windows.cv2, "getBuildInformation", lambda: "  GUI:                           GTK3\n")
    assert "there is none" in refusal(windows.require_display, "--show")
    monkeypatch.setenv("DISPLAY", ":0")
    windows.require_display("--show")
