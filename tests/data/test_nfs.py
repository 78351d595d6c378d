import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.nfs import read_corners


def test_every_eighth_row_of_corners(tmp_path):
    rows = [f'0 {i} {2 * i} {i + 30} {2 * i + 5} {i + 1} 0 0 {int(i > 8)} "ping pong"' for i in range(20)]
    (tmp_path / "a.txt").write_text("\n".join(rows) + "\n\n")
    boxes, occluded = read_corners(tmp_path / "a.txt", 8)
    assert boxes.tolist() == [[0, 0, 30, 5], [8, 16, 30, 5], [16, 32, 30, 5]]
    assert occluded.tolist() == [False, False, True]
    assert np.array_equal(read_corners(tmp_path / "a.txt")[0][::8], boxes)


@pytest.mark.parametrize(
    "text, words",
    [("", "holds no boxes"), ("1 2 3 4", "line 1"), ("0 a 2 3 4 1 0 0 0", "no row"), ("0 inf 2 3 4 1 0 0 0", "finite")],
)
def test_no_rows(tmp_path, text, words):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(InputError, match=words):
        read_corners(tmp_path / "a.txt")
