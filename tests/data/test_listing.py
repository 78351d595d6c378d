import itertools

import pytest

from rar_gluon.data.folder import load
from rar_gluon.data.frames import open_frames
from rar_gluon.data.listing import images_of, list_images


@pytest.fixture
def folder(tmp_path):
    """Make empty files of these names: `folder("1.png", ...)` gives their folder."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


@pytest.mark.parametrize(
    "names",
    [
        ["0001.jpg", "0001.png"],
        ["0001.jpg", "0002.jpg", "0002_mask.png"],
        ["0001.jpg", "0002.jpg", "mask_0001.jpg"],
        ["0001.jpg", "0002.jpg", "0001.thumb.jpg"],
        ["cover.jpg", "frame1.jpg", "frame2.jpg"],
        ["left1.png", "left2.png", "right1.png", "right2.png"],
        ["a.jpg", "a.png", "b.jpg"],
        ["0.04.png", "1e-05.png"],
    ],
)
def test_pictures_of_two_kinds(folder, refusal, names):
    """Frames, and masks or previews of them: which is for the user to say."""
    message = refusal(list_images, folder(*names))
    assert sum(name in message for name in names) == 2 and "keep the frames alone" in message


@pytest.mark.parametrize(
    "names",
    [["a.jpg", "b.jpg"], ["1.jpg", "2.JPG", "3.jpeg", "4.png"], ["img1.png", "Img2.png"], ["1_2.png", "1_10.png"]],
)
def test_pictures_of_one_kind(folder, names):
    assert [path.name for path in list_images(folder(*names))] == names


@pytest.mark.parametrize(
    "names",
    [
        [f"{1700000000.5 + 0.04 * i!r}.png" for i in range(3)] + ["1700000000.7.png"],
        ["1700000000.png", "1700000000.04.png", "1700000001.png"],
        ["t0.04.png", "t0.4.png", "t0.5.png"],
        ["t0,04.png", "t0,4.png"],
        ["v1.9.png", "v1.10.png", "v1.11.png"],
        ["2024-01-01T00_00_01.png", "2024-01-01T00_00_01.040000.png", "2024-01-01T00_00_02.png"],
        ["0.10.png", "0.20.png", "0.25.png"],
    ],
)
def test_names_that_are_times_or_counters(folder, names):
    """A zero behind the point, or one at the end, says which."""
    assert [path.name for path in list_images(folder(*names))] == names


def test_names_that_may_be_either(folder, refusal):
    message = refusal(list_images, folder("a0.5.png", "a0.54.png", "a0.7.png"))
    assert "counters" in message and "decimals" in message and "as many digits" in message


@pytest.mark.parametrize("first, second", itertools.combinations([".", "img", "color"], 2))
def test_pictures_in_two_places(folder, refusal, first, second):
    message = refusal(images_of, folder(f"{first}/1.jpg", f"{second}/1.jpg"))
    assert "both hold images" in message


def test_a_preview_beside_a_video(folder, refusal):
    root = folder("s/s.mp4", "s/preview.jpg", "s/groundtruth.txt")
    for call in (open_frames, images_of):
        message = refusal(call, root / "s")
        assert "s.mp4" in message and "preview.jpg" in message
    assert "preview.jpg" in refusal(load, root)
