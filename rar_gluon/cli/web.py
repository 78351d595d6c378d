"""A page on this machine's loopback, where a person without a display draws the box and watches.

Bottle serves it: one file without requirements, whose pin runs on every Python we do; Flask brings six packages.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hmac
import json
import math
import secrets
import socketserver
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import bottle
import cv2
import numpy as np

from rar_gluon.common import InputError
from rar_gluon.report.overlay import response_picture

PAGE = Path(__file__).parents[1] / "report" / "track.html"
HOST, WAIT = "127.0.0.1", 5.0  # seconds a page's question for news is held
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; frame-ancestors 'none'",
}


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        """Requests are nobody's news, and their addresses hold the token."""


@dataclass(frozen=True)
class View:
    """What the page shows: `stage` is wait, draw, track or done."""

    stage: str
    number: int = 0
    frame: np.ndarray | None = None
    box: Tuple[float, ...] | None = None
    score: float | None = None
    confidence: float | None = None
    response: np.ndarray | None = None
    lost: bool = False
    problem: str | None = None


class Page:
    """The page's two sides: the tracking's (`select_box`, `show`, `finish`) and, in threads, the browser's.

    Parameters
    ----------
    name : what is tracked, the page's title.
    total : its frames that are tracked, None where nobody knows.

    Attributes
    ----------
    token : what an address must hold to be answered.
    """

    def __init__(self, name: str, total: int | None = None):
        self.name, self.total, self.token = name, total, secrets.token_urlsafe(16)
        self._news = threading.Condition()
        self._view, self._version = View("wait"), 0
        self._drawn: Tuple[float, ...] | None = None
        self._boxes: List[Tuple[float, ...]] = []
        self._skipped = 0
        self._stopped = self._closed = False

    # The tracking's side

    def select_box(self, frame: np.ndarray) -> Tuple[float, ...]:
        """Show a frame (H, W, 3) and wait until a person has drawn the target's box, (x, y, w, h) in pixels."""
        self._publish(View("draw", frame=frame))
        with self._news:
            while self._drawn is None and not self._stopped:
                self._news.wait(1.0)  # with a time, so that Ctrl-C is heard
        if self._drawn is None:
            raise InputError("no box was drawn: draw one on the page, or give --init x,y,w,h.")
        return self._drawn

    def skip(self, frames: int) -> None:
        """Give frames before the target's first one a line without a box."""
        self._skipped = frames
        self._boxes += [(math.nan,) * 4] * frames

    def show(self, frame: np.ndarray, tracker: Any) -> bool:
        """Show what a tracker says of a frame; False when the person has stopped it. Waits for no browser."""
        number = len(self._boxes)
        box = tuple(float(value) for value in tracker.box)
        self._boxes.append(box)
        said = (tracker.score, tracker.confidence, tracker.response, tracker.lost)
        self._publish(View("track", number, frame, box, *said))
        return not self._stopped

    def finish(self, problem: str | None = None) -> None:
        """Say that all is tracked or what went wrong, and wait until the person, who may download, closes the page."""
        self._publish(dataclasses.replace(self._view, stage="done", problem=problem))
        with self._news:
            while not self._closed:
                self._news.wait(1.0)

    def _publish(self, view: View) -> None:
        with self._news:
            self._view, self._version = view, self._version + 1
            self._news.notify_all()

    # The browser's side

    def boxes(self) -> str:
        """The boxes so far, a line x,y,w,h for each frame."""
        return "".join(",".join(f"{value:.2f}" for value in box) + "\n" for box in list(self._boxes))

    def news(self, after: int, wait: float = WAIT) -> Dict[str, Any]:
        """What is shown now, with a frame only if it is newer than version `after`, for which it waits a little."""
        with self._news:
            self._news.wait_for(lambda: self._version > after, wait)
            view, version = self._view, self._version
        answer = {
            "version": version,
            "stage": view.stage,
            "name": self.name,
            "number": view.number,
            "total": self._total(),
            "problem": view.problem,
        }
        if version > after and view.frame is not None:
            answer["frame"] = picture_address(view.frame, ".jpg")
            answer["box"] = None if view.box is None or not np.all(np.isfinite(view.box)) else view.box
            answer.update(score=number(view.score), confidence=number(view.confidence), lost=view.lost)
            answer["response"] = (
                None if view.response is None else picture_address(response_picture(view.response, 160), ".png")
            )
        return answer

    def _total(self) -> int | None:
        """Number of frames, those before the target's first one included."""
        return None if self.total is None else self.total + self._skipped

    def draw(self, box: Any) -> None:
        """Take the box that a person drew; `InputError` if it is none."""
        if not isinstance(box, list) or len(box) != 4 or not all(type(value) in (int, float) for value in box):
            raise InputError("a box is four numbers x,y,w,h.")
        if not all(map(math.isfinite, box)) or min(box[2:]) < 1:
            raise InputError("the box has no size: draw it again, from corner to corner.")
        with self._news:
            if self._view.stage == "draw":
                self._drawn = tuple(float(value) for value in box)
            self._news.notify_all()

    def stop(self) -> None:
        """End the tracking; where none runs, close the page."""
        with self._news:
            self._closed |= self._view.stage != "track"
            self._stopped = True
            self._news.notify_all()

    def application(self) -> bottle.Bottle:
        """The page's addresses; whoever does not know the token is refused."""
        app = bottle.Bottle()

        @app.hook("before_request")
        def check() -> None:
            token = bottle.request.path.split("/")[1]
            if not hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode()):
                raise bottle.HTTPResponse("This page's address has a token: take the one that rar printed.\n", 403)

        @app.hook("after_request")
        def close_doors() -> None:
            bottle.response.headers.update(HEADERS)

        @app.get("/<token>/")
        def page(token: str) -> str:
            return PAGE.read_text(encoding="utf-8")

        @app.get("/<token>/news")
        def news(token: str) -> Dict[str, Any]:
            return self.news(bottle.request.query.get("after", 0, type=int))

        @app.get("/<token>/boxes.txt")
        def boxes(token: str) -> str:
            bottle.response.content_type = "text/plain; charset=utf-8"
            bottle.response.set_header("Content-Disposition", 'attachment; filename="boxes.txt"')
            return self.boxes()

        @app.post("/<token>/box")
        def box(token: str) -> Dict[str, Any]:
            try:
                self.draw(json.loads(bottle.request.body.read(1000)))
            except ValueError as error:  # InputError is one
                bottle.response.status = 400
                return {"error": str(error) if isinstance(error, InputError) else "a box is four numbers x,y,w,h."}
            return {}

        @app.post("/<token>/stop")
        def stop(token: str) -> Dict[str, Any]:
            self.stop()
            return {}

        return app


def number(value: float | None) -> float | None:
    """A number for JSON, which has no NaN."""
    return None if value is None or not math.isfinite(value) else round(float(value), 4)


def picture_address(picture: np.ndarray, suffix: str) -> str:
    """A picture (H, W, 3), BGR, as a data address of the kind that a suffix names."""
    data = base64.b64encode(cv2.imencode(suffix, picture)[1].tobytes()).decode()
    return f"data:image/{'jpeg' if suffix == '.jpg' else 'png'};base64,{data}"


@contextlib.contextmanager
def serve(name: str, port: int, total: int | None = None) -> Iterator[Page]:
    """Serve a page on the loopback while the block runs, at a free port if `port` is 0; print its address.

    Raises
    ------
    InputError
        The port is taken, or not ours to take.
    """
    page = Page(name, total)
    try:
        server = make_server(HOST, port, page.application(), _Server, _Quiet)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"--web cannot serve at port {port} ({reason}): give another, or none.") from None
    port = server.server_port
    print(f"Open http://{HOST}:{port}/{page.token}/", flush=True)
    print(f"From another machine, first run there: ssh -L {port}:{HOST}:{port} THIS_MACHINE", flush=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield page
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
