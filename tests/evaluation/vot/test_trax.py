import signal
import subprocess
import sys
import textwrap
import time

import cv2
import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.evaluation.vot.trax import serve

SERVER = """
    from rar_gluon.evaluation.vot.trax import serve

    class Moving:
        def init(self, frame, box):
            self.box = box

        def update(self, frame):
            x, y, w, h = self.box
            self.box = (x + frame[0, 0, 0], y + frame.shape[0], w, h)
            return self.box

    serve(Moving, name="moving")
"""


@pytest.fixture
def client():
    """A TraX client of a tracker that moves right by the value of the first pixel, down by the frame's height."""
    pytest.importorskip("trax")
    from trax.client import Client

    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    try:
        client = Client((process.stdin.fileno(), process.stdout.fileno()), log=[].append)  # it needs a log
        yield client
        client.quit()
        assert process.wait(20) == 0
    finally:
        process.kill()


@pytest.fixture
def image(tmp_path):
    from trax import FileImage

    cv2.imwrite(str(tmp_path / "frame.png"), np.full((30, 40, 3), 7, np.uint8))
    return {"color": FileImage.create(str(tmp_path / "frame.png"))}


def test_boxes_and_polygons(client, image):
    import trax

    assert set(client.region_formats) == {"rectangle", "polygon"}
    (answer, _), *_ = client.initialize(image, [(trax.Rectangle.create(1.5, 2, 10, 5), {})], {})[0]
    assert answer.bounds() == (1.5, 2, 10, 5)
    (answer, _), *_ = client.frame(image, {}, [])[0]
    assert answer.bounds() == (8.5, 32, 10, 5)
    diamond = trax.Polygon.create([(15.0, 0.0), (20.0, 5.0), (15.0, 10.0), (10.0, 5.0)])
    (answer, _), *_ = client.initialize(image, [(diamond, {})], {})[0]  # started again, on a polygon
    assert answer.bounds() == (10, 0, 10, 10)
    (answer, _), *_ = client.frame(image, {}, [])[0]
    assert answer.bounds() == (17, 30, 10, 10)


@pytest.mark.parametrize("corners", [3, 5])
def test_polygons_of_any_number_of_corners(client, image, corners):
    import trax

    points = [(10.0, 5.0), (30.0, 5.0), (20.0, 15.0), (15.0, 12.0), (12.0, 9.0)][:corners]
    (answer, _), *_ = client.initialize(image, [(trax.Polygon.create(points), {})], {})[0]
    assert answer.bounds() == (10, 5, 20, 10)


@pytest.mark.parametrize("how", ["leaves", "babbles", "asks first", "SIGTERM", "SIGINT"])
def test_a_client_that_is_none(how):
    """One sentence, no traceback, and a status that is not 0."""
    pytest.importorskip("trax")
    command = [sys.executable, "-m", "rar_gluon.cli", "trax", "--tracker", "opencv-kcf"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)
    greeting = b""
    while b"@@TRAX:hello" not in greeting:
        greeting += process.stdout.read(1)
    if how.startswith("SIG"):
        time.sleep(0.5)  # until it waits for us
        process.send_signal(getattr(signal, how))
    elif how == "babbles":
        process.stdin.write(b"@@TRAX:bogus\n")
    elif how == "asks first":
        process.stdin.write(b'@@TRAX:frame "file:///nowhere.png"\n')
    _, errors = process.communicate(timeout=20)
    assert process.returncode == {"SIGTERM": 143, "SIGINT": 130}.get(how, 2)
    assert errors.count(b"\n") == 1 and errors.startswith(b"rar: ")


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "trax", None)
    with pytest.raises(InputError, match=r"pip install vot-trax==4\.0\.1"):
        serve(lambda: pytest.fail("the tracker is built only when it can be served"))
