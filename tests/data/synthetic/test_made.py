import numpy as np

from rar_gluon.data.synthetic import made


def test_objects_that_are_made(make_tracks):
    tracks = make_tracks(objects=None)
    rng = np.random.default_rng(0)
    shares = [(made.made_mask(rng) >= 128).mean() for _ in range(30)]
    assert 0.1 < min(shares) < 0.4 < max(shares) < 0.95
    assert tracks.picture(3, 0)[0].std() > 5
