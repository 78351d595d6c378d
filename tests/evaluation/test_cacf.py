import numpy as np

from rar_gluon.evaluation import cacf
from rar_gluon.evaluation.cacf import CACF
from rar_gluon.geometry import window_of

BOXES = np.array([[50.0 + 2 * t, 40 + t, 36, 30] for t in range(2)])


def test_contexts_make_the_patches_beside_the_target_quiet(make_clip, monkeypatch):
    """Energy of the answers there, with contexts of more and more weight."""
    frames, (x, y, w, h) = make_clip(BOXES), BOXES[0]

    def noise(weight):
        monkeypatch.setattr(cacf, "LAMBDA2", weight)
        tracker = CACF()
        tracker.init(frames[0], BOXES[0])
        numerator, denominator = tracker._filter
        energies = []
        for dx, dy in ((w, 0), (-w, 0), (0, h), (0, -h)):
            spectrum = tracker._spectrum(frames[0], window_of((x + dx, y + dy, w, h), cacf.PADDING, "per-axis"))
            energies.append((np.abs((numerator * spectrum).sum(axis=0) / denominator) ** 2).sum())
        return sum(energies)

    usual, without, strong = noise(cacf.LAMBDA2), noise(0.0), noise(100.0)
    assert strong < 0.1 * usual and usual < 0.9 * without
