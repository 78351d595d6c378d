from rar_gluon.cli import windows


def test_no_window_without_a_display(monkeypatch, refusal):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(windows.sys, "platform", "linux")
    assert "--show" in refusal(windows.require_display, "--show")
    monkeypatch.setattr(windows.cv2, "getBuildInformation", lambda: "  GUI:                           GTK3\n")
    assert "there is none" in refusal(windows.require_display, "--show")
    monkeypatch.setenv("DISPLAY", ":0")
    windows.require_display("--show")


def test_without_a_display_there_is_the_browser(monkeypatch, refusal):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for build in ("GUI: NONE\n", "GUI: GTK3\n"):
        monkeypatch.setattr(windows.cv2, "getBuildInformation", lambda build=build: build)
        assert "--web" in refusal(windows.require_display, "--show")
