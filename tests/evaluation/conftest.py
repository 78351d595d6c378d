import numpy as np
import pytest

from rar_gluon.data.otb import ENTRIES
from rar_gluon.data.sequence import write_boxes


@pytest.fixture
def truth_of():
    """Boxes of a made-up truth, as long as the benchmark's range or as `rows`."""

    def make(name, rows=None):
        frames = np.arange(rows or ENTRIES[name].frames)
        return np.stack([100 + frames % 50, 80 + frames % 7, 0 * frames + 40, 0 * frames + 30], axis=1).astype(float)

    return make


@pytest.fixture
def write_folder(tmp_path):
    """Write {file name: boxes} to a folder of tmp_path."""

    def write(folder, files):
        for name, boxes in files.items():
            write_boxes(tmp_path / folder / name, boxes)
        return tmp_path / folder

    return write
