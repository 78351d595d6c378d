"""Serve a tracker over TraX, the protocol through which the official VOT toolkit drives trackers."""

from __future__ import annotations

from typing import Callable

import numpy as np

from rar_gluon.common import InputError
from rar_gluon.data.frames import read_image
from rar_gluon.data.sequence import boxes_to_polygons, polygons_to_boxes
from rar_gluon.evaluation.trackers import TwoMethodTracker


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
        The package trax is missing, or the client asks for more than one target.
    """
    try:
        import trax
    except ImportError:
        raise InputError("the package trax is missing: get it by `pip install vot-trax==4.0.1`.") from None
    tracker = make_tracker()
    regions = [trax.Region.RECTANGLE, trax.Region.POLYGON]
    with trax.Server(regions, [trax.Image.PATH], ["color"], name, description) as server:
        while True:
            request = server.wait()
            if request.type not in (trax.TraxStatus.INITIALIZE, trax.TraxStatus.FRAME):
                return
            frame = read_image(request.image["color"].path())
            if request.type == trax.TraxStatus.INITIALIZE:
                if len(request.objects) != 1:
                    raise InputError(f"the TraX client names {len(request.objects)} targets: one can be tracked.")
                box = to_box(request.objects[0][0])
                tracker.init(frame, box)
            else:
                box = tuple(float(value) for value in tracker.update(frame))
            server.status([(trax.Rectangle.create(*box), {})])


def to_box(region) -> tuple[float, ...]:
    """(x, y, w, h) of a TraX rectangle or polygon."""
    corners = np.array(list(region)).ravel() if region.type == "polygon" else boxes_to_polygons(region.bounds())[0]
    return tuple(float(value) for value in polygons_to_boxes(corners)[0])
