import cv2
import numpy as np
import pytest

from rar_gluon.data.otb import ENTRIES
from rar_gluon.data.sequence import write_boxes

NAMES = ("Man", "Dog", "Crossing")  # short, with few attributes
OFFSETS = {"good": (1, 0), "SiamFC-3s": (7, 3)}  # made-up trackers: pixels beside the truth


@pytest.fixture(scope="session")
def made_up(tmp_path_factory):
    """Folder with an OTB root of small frames (`otb`) and results of two made-up trackers (`results`, `more/good`).

    SiamFC-3s loses Dog in images 41-60.
    """
    root = tmp_path_factory.mktemp("made_up")
    for name in NAMES:
        entry = ENTRIES[name]
        steps = np.arange(entry.frames)
        truth = np.stack([20 + steps % 30, 10 + steps % 7, 0 * steps + 24, 0 * steps + 16], axis=1).astype(float)
        write_boxes(root / "otb" / name / "groundtruth_rect.txt", truth)
        (root / "otb" / name / "img").mkdir()
        for number in range(1, entry.frames + 1):
            frame = np.full((60, 100, 3), number, np.uint8)
            cv2.imwrite(str(root / "otb" / name / "img" / f"{number:04d}.png"), frame)
        for tracker, (dx, dy) in OFFSETS.items():
            boxes = truth + np.array([dx, dy, 0, 0])
            if tracker == "SiamFC-3s" and name == "Dog":
                boxes[40:60, 0] += 60
            folder = root / ("more" if tracker == "good" else "results") / tracker
            write_boxes(folder / f"{name}.txt", boxes)
    times = root / "more" / "good" / "times"
    times.mkdir()
    for name in NAMES:
        (times / f"{name}.txt").write_text("0.5\n" + "0.01\n" * (ENTRIES[name].frames - 1))
    run = '{"machine": {"processor": "Made-up CPU", "cores": 2, "system": "Linux"}}'
    (times.parent / "run.json").write_text(run)
    return root
