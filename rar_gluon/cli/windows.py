"""Windows on a display: to draw the target's box in, and to watch."""

from __future__ import annotations

import os
import re
import sys
from typing import Tuple

import cv2
import numpy as np

from rar_gluon.common import InputError


def require_display(purpose: str) -> None:
    """Raise `InputError` when this machine or this OpenCV cannot open windows; `purpose` says what wanted one."""
    gui = re.search(r"^\s*GUI:\s*(\S+)", cv2.getBuildInformation(), re.MULTILINE)
    if gui is None or gui.group(1) == "NONE":
        raise InputError(
            f"{purpose} needs windows, and this OpenCV, the headless build, has none: use --init without --show, "
            "or --web, which draws and watches in a browser, or replace OpenCV: pip uninstall "
            "opencv-contrib-python-headless, pip install opencv-contrib-python==4.8.1.78."
        )
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise InputError(
            f"{purpose} needs a display, and there is none: give --init x,y,w,h without --show, or --web to draw and "
            "watch in a browser."
        )


def select_box(frame: np.ndarray) -> Tuple[float, ...]:
    """Ask for the target's box with the mouse."""
    title = "mark the target, then press Enter"
    box = cv2.selectROI(title, frame, showCrosshair=False)
    cv2.destroyWindow(title)
    if box[2] == 0 or box[3] == 0:
        raise InputError("no box was marked: draw one with the mouse and press Enter, or give --init x,y,w,h.")
    return tuple(float(value) for value in box)


def show(title: str, picture: np.ndarray) -> bool:
    """Show a picture in a window; False when the user pressed q."""
    cv2.imshow(title, picture)
    return cv2.waitKey(1) & 0xFF != ord("q")
