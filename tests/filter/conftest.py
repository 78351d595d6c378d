from types import SimpleNamespace

import numpy as np
import pytest

import rar_gluon  # noqa: F401  (before mxnet: sets its threads)


@pytest.fixture
def make_maps():
    """Make random numpy maps of one problem: x, z0, zi (None for k = 0), beta, and a y without symmetry, so that ŷ is
    complex and a conjugate too many or too few shows.
    """

    def make(height=5, width=4, batch=1, channels=2, templates=1, contexts=4, seed=0):
        rng = np.random.default_rng(seed)
        return SimpleNamespace(
            x=rng.normal(size=(batch, channels, height, width)),
            z0=rng.normal(size=(batch, templates, channels, height, width)),
            zi=rng.normal(size=(batch, templates, contexts, channels, height, width)) if contexts else None,
            y=rng.normal(size=(height, width)),
            beta=np.array([1.0, 0.3, 0.6][:templates]),
        )

    return make
