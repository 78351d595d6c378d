import cv2
import numpy as np
import pytest


@pytest.fixture
def write_images():
    """Write small images under the given names to a folder; the suffix decides the format."""

    def write(folder, names):
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            cv2.imwrite(str(folder / name), np.full((8, 12, 3), 128, np.uint8))
        return folder

    return write


@pytest.fixture
def write_video():
    """Write a video of a number of frames."""

    def write(path, count):
        path.parent.mkdir(parents=True, exist_ok=True)
        sink = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (32, 24))
        for index in range(count):
            sink.write(np.full((24, 32, 3), 10 * index, np.uint8))
        sink.release()
        return path

    return write


@pytest.fixture
def write_rows():
    """Write boxes that count up (x = row number from 1) to a text file."""

    def write(path, count, line="{},2,3,4"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line.format(row) + "\n" for row in range(1, count + 1)))
        return path

    return write
