import numpy as np
import pytest

from rar_gluon.data.synthetic import motion


def test_paths_stay_between_their_walls():
    values = motion.folded(np.array([-3.0, 0, 4, 10, 13, 25]), 0, 10)
    np.testing.assert_allclose(values, [3, 0, 4, 10, 7, 5])
    rng = np.random.default_rng(0)
    waves = [motion.wave(rng, 40, 45) for _ in range(50)]
    np.testing.assert_allclose(np.abs(waves).max(axis=1), 1)
    steps = np.diff([motion.walk(rng, 40) for _ in range(200)], axis=1)
    assert np.sqrt((steps**2).sum(axis=2).mean()) == pytest.approx(1, abs=0.1)
