import cv2
import numpy as np
import pytest

from rar_gluon.data.synthetic import SyntheticTracks, as_sources


@pytest.fixture(scope="session")
def size():
    """Height and width of the frames."""
    return 120, 160


@pytest.fixture(scope="session")
def disc():
    """Make an ellipse's mask, (height, width) uint8."""

    def make(height=60, width=90):
        mask = np.zeros((height, width), np.uint8)
        cv2.ellipse(mask, (width // 2, height // 2), (width // 2 - 4, height // 2 - 4), 0, 0, 360, 255, -1)
        return mask

    return make


@pytest.fixture(scope="session")
def drawn_white(size):
    """Draw a layer of white things alone on black: how much of each pixel is under it, (H, W) 0 to 255."""

    def draw(layer, frame, size=size):
        picture = np.zeros((*size, 3), np.uint8)
        layer.draw(picture, frame)
        return picture[..., 0] / layer.gain[frame]

    return draw


@pytest.fixture(scope="session")
def make_tracks(texture, disc, size):
    """Make sequences without the pictures of other packages."""

    def make(**options):
        backgrounds = [texture(200, 260, seed) for seed in (3, 4)]
        objects = as_sources(
            [(texture(*sides, seed, 6), disc(*sides)) for seed in range(5, 9) for sides in ((60, 90), (80, 40))]
        )
        values = {"count": 200, "length": 20, "size": size, "objects": objects, "backgrounds": backgrounds}
        return SyntheticTracks(**{**values, **options})

    return make


@pytest.fixture(scope="session")
def scenes(make_tracks):
    tracks = make_tracks()
    return [tracks.scene(track) for track in range(80)]


@pytest.fixture(scope="session")
def white_scenes(make_tracks, disc):
    mask = disc()
    tracks = make_tracks(objects=as_sources([(np.full((60, 90, 3), 180, np.uint8), mask)]))
    return [tracks.scene(track) for track in range(60)]


@pytest.fixture
def footage(tmp_path, texture, disc):
    """Videos/{one,two}/000.png ... and Masks/one/000.png ..., a moving disc with a rope and a speck."""
    for name in ("one", "two"):
        (tmp_path / "Videos" / name).mkdir(parents=True)
        for frame in range(6):
            cv2.imwrite(str(tmp_path / "Videos" / name / f"{frame:03d}.png"), texture(140, 200, frame))
    (tmp_path / "Masks" / "one").mkdir(parents=True)
    for frame in range(6):
        mask = np.zeros((140, 200), np.uint8)
        mask[40:100, 20 + frame : 110 + frame] = disc()
        mask[70, 60:180] = 255
        mask[130:133, 10:13] = 255
        cv2.imwrite(str(tmp_path / "Masks" / "one" / f"{frame:03d}.png"), np.minimum(mask, 3))  # a label, not 255
    return tmp_path


@pytest.fixture
def stills(tmp_path, texture, disc):
    """dog_1 to dog_3, cat-1 and view, photographs of 140x200; all but view have masks, dog_3 is at the border."""
    folder = tmp_path / "stills"
    folder.mkdir()
    for seed, name in enumerate(("dog_1", "dog_2", "dog_3", "cat-1", "view")):
        cv2.imwrite(str(folder / f"{name}.jpg"), texture(140, 200, seed), [cv2.IMWRITE_JPEG_QUALITY, 100])
        mask = np.zeros((140, 200), np.uint8)
        left = 0 if name == "dog_3" else 20
        mask[40:100, left : left + 90] = disc() if left else 255
        if name != "view":
            cv2.imwrite(str(folder / f"{name}.png"), mask, [cv2.IMWRITE_PNG_BILEVEL, 1])
    return folder
