"""The page of `rar track --web`: its addresses over plain HTTP, and the page itself in Chromium, where there is one."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

from rar_gluon.data.sequence import read_boxes

pytest.importorskip("bottle")


@pytest.fixture
def page(folder, small, tmp_path):
    """`rar track --web` in a process of its own: the process and the page's address."""
    command = [sys.executable, "-m", "rar_gluon.cli", "track", str(folder), "--web", "--quiet", *small]
    with subprocess.Popen(
        [*command, "--boxes", str(tmp_path / "out.txt")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        line = process.stdout.readline()
        assert line.startswith("Open http://127.0.0.1:"), process.stderr.read()
        assert "ssh -L" in process.stdout.readline()
        yield process, line.split()[1]
        process.kill()


def get(address, data=None):
    with urllib.request.urlopen(urllib.request.Request(address, data), timeout=30) as answer:
        return answer.read().decode(), answer.headers


def until(address, stage):
    """The first news of a stage."""
    version = 0
    for _ in range(200):
        news = json.loads(get(f"{address}news?after={version}")[0])
        if news["stage"] == stage:
            return news
        version = news["version"]
    raise AssertionError(f"never {stage}")


def test_draw_track_download_over_http(page, tmp_path):
    process, address = page
    text, headers = get(address)
    assert "<canvas" in text and "http" not in text.replace("http-equiv", "")  # self-contained
    assert headers["Referrer-Policy"] == "no-referrer" and "default-src 'none'" in headers["Content-Security-Policy"]
    assert until(address, "draw")["frame"].startswith("data:image/jpeg;base64,")
    for body, words in (
        (b"[1,2]", "four numbers"),
        (b"no", "four numbers"),
        (b"[1,2,0,5]", "no size"),
        (b"[1,2,NaN,5]", "no size"),
    ):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            get(address + "box", body)
        assert refusal.value.code == 400 and words in json.loads(refusal.value.read())["error"]
    get(address + "box", b"[52,42,36,32]")
    news = until(address, "done")
    assert news["number"] == 7 and len(news["box"]) == 4 and news["response"].startswith("data:image/png")
    text, headers = get(address + "boxes.txt")
    assert "attachment" in headers["Content-Disposition"]
    get(address + "stop", b"")
    assert process.wait(30) == 0
    boxes = np.loadtxt(text.splitlines(), delimiter=",")
    assert np.abs(boxes - read_boxes(tmp_path / "out.txt")).max() < 0.011
    assert boxes.shape == (8, 4) and list(boxes[0]) == [52, 42, 36, 32]


def test_strangers_are_refused(page):
    _, address = page
    root = address.rsplit("/", 2)[0]
    for path in ("/", "/boxes.txt", "/wrong/", "/wrong/boxes.txt", "/%C3%A4/news", address[len(root) : -2] + "/"):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            get(root + path)
        assert refusal.value.code == 403


def test_a_box_outside_the_frame_is_told_on_the_page(page):
    process, address = page
    until(address, "draw")
    get(address + "box", b"[500,10,20,20]")
    assert "outside the frame" in until(address, "done")["problem"]
    get(address + "stop", b"")
    assert process.wait(30) == 2


def test_closing_before_drawing_and_interrupting(page):
    process, address = page
    until(address, "draw")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130


def test_a_taken_port(refused, folder, small):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = refused("track", folder, "--web", taken.getsockname()[1], *small)
    assert "--web cannot serve at port" in words
    assert "--web cannot serve at port 99999" in refused("track", folder, "--web", 99999, *small)


@pytest.mark.slow
def test_draw_track_download_in_chromium(page, browser, tmp_path):
    from selenium.webdriver import ActionChains

    process, address = page
    browser.get(address)

    def wait(condition):
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, at("say").text
            time.sleep(0.1)

    def at(name):
        return browser.find_element("id", name)

    wait(lambda: at("say").text.startswith("Drag"))
    canvas = at("frame")
    width, height = (int(canvas.get_attribute(name)) for name in ("width", "height"))
    assert (width, height) == (160, 120)
    scale = min(canvas.size["width"] / width, canvas.size["height"] / height)

    def offset(x, y):  # from the canvas's middle, which is the frame's
        return round((x - width / 2) * scale), round((y - height / 2) * scale)

    begin, end = offset(52, 42), offset(88, 74)
    ActionChains(browser).move_to_element_with_offset(canvas, *begin).click_and_hold().move_to_element_with_offset(
        canvas, *end
    ).release().perform()
    at("start").click()
    wait(lambda: at("say").text.startswith("Done"))
    assert at("number").text == "8 of 8" and float(at("score").text) > 0 and at("response").is_displayed()
    browser.save_screenshot(str(tmp_path / "page.png"))
    at("download").click()
    wait((tmp_path / "downloads" / "boxes.txt").exists)
    boxes = read_boxes(tmp_path / "downloads" / "boxes.txt")
    assert boxes.shape == (8, 4) and np.abs(boxes[0] - [52, 42, 36, 32]).max() < 1
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    at("stop").click()
    assert process.wait(30) == 0
    assert not at("download").is_displayed() and at("say").text.startswith("Closed")


@pytest.mark.slow
def test_the_page_fits_a_telephone(page, browser):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    browser.get(page[1])
    width = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width == [390, 390]
