import numpy as np
import pytest

from rar_gluon.config import from_dict
from rar_gluon.data.clips import Clips, Stored
from rar_gluon.tracking.box_refinement import PADDING
from rar_gluon.training.box_pairs import BoxPairs

QUIET = {"photometric": 0.0, "grey": 0.0, "blur": 0.0}
SIZE = 127


def pairs_of(seed=0, **training):
    """Pairs of a white box 40 wide and 24 tall, later 48 wide and 30 tall, on black."""
    pictures = []
    for frame, (x, y, w, h) in ((0, (100, 90, 40, 24)), (3, (120, 70, 48, 30))):
        picture = np.zeros((220, 260, 3), np.uint8)
        picture[y : y + h, x : x + w] = 255
        pictures.append((frame, picture, (float(x), float(y), float(w), float(h))))
    config = from_dict({"tracking": {"input_size": SIZE}, "training": {**QUIET, **training}})
    return BoxPairs(Clips([(Stored(["one"], [pictures]), 1.0)], config), config, seed)


def measured(patch):
    """Width and height of what is white, in pixels, by its moments."""
    grey = patch[..., 0].astype(float) / 255
    found = []
    for axis in (1, 0):
        profile = grey.sum(axis=1 - axis)
        places = np.arange(SIZE) + 0.5
        middle = (profile @ places) / profile.sum()
        found += [(12 * (profile @ (places - middle) ** 2) / profile.sum()) ** 0.5]
    return found


@pytest.mark.parametrize("number", range(12))
def test_the_change_is_what_the_pictures_show(number):
    """Pixels of what is drawn against the numbers; half of the pairs are mirrored."""
    pair = pairs_of()[number]
    unit = SIZE / (1 + PADDING)  # pixels of a side, on either axis
    assert measured(pair.template) == pytest.approx([unit, unit], rel=0.02)
    assert pair.change == pytest.approx(np.log(np.array(measured(pair.search)) / unit), abs=0.02)
    assert pair.template.shape == pair.search.shape == (SIZE, SIZE, 3)


def test_pairs_are_functions_of_seed_and_number():
    first, again, other = pairs_of()[5], pairs_of()[5], pairs_of(seed=1)[5]
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not np.array_equal(first.change, other.change)


def test_windows_are_wrong_either_way():
    """In size, and in place: what is white is a third of a side wide at least, and its middle moves."""
    pairs = [pairs_of()[number] for number in range(100)]
    sizes = np.array([pair.change.mean() for pair in pairs])
    assert np.abs(sizes).max() <= 0.35 + 0.06 and sizes.min() < -0.15 and sizes.max() > 0.15
    middles = [np.argwhere(pair.search[..., 0] > 127).mean(axis=0) - SIZE / 2 for pair in pairs]
    moved = np.std(middles, axis=0) / (SIZE / (1 + PADDING)) * (40 / 24) ** np.array([-0.5, 0.5])  # down, right
    assert moved == pytest.approx([0.06, 0.06], rel=0.3)
