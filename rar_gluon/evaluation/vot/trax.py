"""Serve a tracker over TraX, the protocol through which the official VOT toolkit drives trackers."""

from __future__ import annotations

from contextlib import suppress
from typing import Callable

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.data.frames import read_image
from rar_gluon.evaluation.trackers import TwoMethodTracker, to_box


def serve(make_tracker: Callable[[], TwoMethodTracker], name: str = "RAR", description: str = "") -> None:
    """Answer a TraX client on standard input and output until it quits.

    A polygon becomes its axis-aligned bounding box; answers are boxes. While this runs, nothing else may be printed to
    standard output.

    Parameters
    ----------
    make_tracker : called once, before the client is answered.
    name, description : what the client is told.

    Raises
    ------
    InputError
        The package trax is missing, or the client goes away, does not keep to TraX, or asks for more than one target.
    """
    try:
        import trax
    except ImportError:
        raise InputError("the package trax is missing: get it by `pip install vot-trax==4.0.1`.") from None
    tracker = make_tracker()
    regions = [trax.Region.RECTANGLE, trax.Region.POLYGON]
    try:
        server = trax.Server(regions, [trax.Image.PATH], ["color"], name, description)
        reason = None
        try:
            _answer(server, tracker, trax.Rectangle.create)
        except BaseException as error:
            reason = str(error) or type(error).__name__
            raise
        finally:  # not `with server`: that prints a traceback of whatever ends it, and of Ctrl-C too
            with suppress(trax.TraxException):  # there may be nobody to tell
                server.quit(reason)
    except trax.TraxException as error:
        raise InputError(f"the TraX client went away, or does not keep to TraX: {error}.") from None


def _answer(server, tracker: TwoMethodTracker, rectangle: Callable) -> None:
    """Answer requests until one is to quit; `rectangle` makes an answer of x, y, w, h."""
    started = False
    while True:
        request = server.wait()
        if request.type not in ("initialize", "frame"):
            return
        frame = read_image(request.image["color"].path())
        if request.type == "initialize":
            if len(request.objects) != 1:
                raise InputError(f"the TraX client names {len(request.objects)} targets: one can be tracked.")
            box = box_of(request.objects[0][0])
            tracker.init(frame, box)
            started = True
        elif started:
            box = tuple(to_box(tracker.update(frame)).tolist())
        else:
            raise InputError("the TraX client asks for a box before it has named a target.")
        server.status([(rectangle(*box), {})])


def box_of(region) -> tuple[float, ...]:
    """(x, y, w, h) of a TraX rectangle, or around a polygon of any number of corners."""
    if region.type == "rectangle":
        return tuple(float(value) for value in region.bounds())
    if region.type != "polygon":
        raise InputError(f"the TraX client names a target by a {region.type}: a rectangle or a polygon is needed.")
    corners = np.array(list(region), np.float64)
    if not np.isfinite(corners).all():
        raise InputError("the TraX client names a target by a corner that is no finite number.")
    low, high = corners.min(axis=0), corners.max(axis=0)
    return tuple(float(value) for value in (*low, *(high - low)))
