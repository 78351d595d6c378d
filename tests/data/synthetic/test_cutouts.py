import pickle
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data.synthetic import (
    Lazy,
    SyntheticTracks,
    cutouts,
    load_backgrounds,
    load_cutouts,
    load_stills,
    still_backgrounds,
)
from rar_gluon.data.synthetic.pictures import name_share


def test_cutouts_of_videos(footage, texture, size, disc):
    sources = load_cutouts(footage / "Videos", footage / "Masks", every=3)
    assert len(sources) == 2
    assert [source.kind for source in sources] == ["one", "one"]
    for frame, source in zip((0, 3), sources):
        picture, mask = source.cut()
        # the ellipse of 83x53 pixels, with 4 around it
        assert picture.shape == (61, 91, 3) and mask.shape == (61, 91)
        np.testing.assert_array_equal(picture, texture(140, 200, frame)[40:101, 20 + frame : 111 + frame])
        inside = disc(61, 91) >= 128
        assert (mask >= 128)[~inside].sum() == 0  # the soft edge is within the mask
        assert 0.9 * inside.sum() < (mask >= 128).sum()
    tracks = SyntheticTracks(
        3, 5, size=size, objects=sources, backgrounds=load_backgrounds(footage / "Videos", every=5)
    )
    assert tracks.picture(0, 0)[0].shape == (*size, 3)


def test_footage_that_does_not_fit(footage, texture):
    masks = sorted((footage / "Masks" / "one").iterdir())
    for count in (5, 7):
        with pytest.raises(InputError, match=f"6 masks for {count} frames"):
            cutouts.cutouts_from_masks(repeat(texture(140, 200), count), masks)
    with pytest.raises(InputError, match="200x140, its frame 60x50"):
        cutouts.cutouts_from_masks(repeat(texture(50, 60), 6), masks)
    with pytest.raises(InputError, match="no masks of two"):
        load_cutouts(footage / "Videos", footage / "Masks", names=["two"])
    with pytest.raises(InputError, match="is no folder"):
        load_cutouts(footage / "Videos", footage / "None")
    masks[0].write_text("no image")
    with pytest.raises(InputError, match=r"000.png cannot be read"):
        cutouts.cutouts_from_masks(repeat(texture(140, 200), 6), masks)


def test_objects_of_photographs(stills, texture, size, disc):
    for suffix in ("jpg", "png"):
        (stills / f"._dog_1.{suffix}").write_bytes(b"what macOS leaves")
    sources = load_stills(stills)
    assert [Path(source.kind).name for source in sources] == ["cat", "dog", "dog"]  # dog_3 is cut off by the border
    picture, mask = sources[0].cut()
    error = np.abs(picture.astype(int) - texture(140, 200, 3)[40:101, 20:111])
    assert picture.shape == (61, 91, 3) and error.mean() < 10
    assert (mask >= 128)[~(disc(61, 91) >= 128)].sum() == 0
    objects = cutouts.Objects(sources)
    assert objects.like(0) == [] and objects.like(1) == [2] and objects.like(2) == [1]
    assert objects.sprite(1) is objects.sprite(1)  # cut once
    backgrounds = still_backgrounds(stills)
    assert len(backgrounds) == 5 and backgrounds[4]().shape == (140, 200, 3)
    tracks = SyntheticTracks(4, 8, size=size, objects=sources, backgrounds=Lazy(backgrounds))
    again = pickle.loads(pickle.dumps(tracks))
    for track in range(4):
        np.testing.assert_array_equal(tracks.render(track, 3), again.render(track, 3))


def test_a_share_of_photographs(stills):
    """Two shares that meet have every object and background once, whatever else is in the folder."""
    middle = sorted(map(name_share, ("dog_1", "dog_2", "dog_3", "cat-1", "view")))[2]
    low, high, everything = ((0, middle), (middle, 1), (0, 1))
    for load, cut in ((load_stills, lambda source: source.cut), (still_backgrounds, lambda make: make)):
        paths = [{cut(one).args[0] for one in load(stills, share)} for share in (low, high, everything)]
        assert all(paths) and paths[0] | paths[1] == paths[2] and not paths[0] & paths[1]
    (stills / "dog_1.jpg").unlink()  # still refused, in either share
    for share in (low, high):
        with pytest.raises(InputError, match="no photograph dog_1"):
            load_stills(stills, share)
    with pytest.raises(InputError, match="holds 4 photographs, but none in the share 0 to 0"):
        still_backgrounds(stills, (0, 0))


def test_names_share_evenly():
    shares = np.array([name_share(f"dog_{number:04d}") for number in range(4000)])
    assert name_share("dog_0001") == shares[1] and abs((shares < 0.05).mean() - 0.05) < 0.01


def test_camouflage(texture, disc):
    sprite = cutouts.make_sprite((np.full((60, 90, 3), (200, 40, 90), np.uint8), disc()))
    background = np.full((100, 100, 3), (20, 60, 100), np.uint8)
    changed = cutouts.camouflaged(sprite, background)
    for before, after in zip(sprite.levels, changed.levels):
        np.testing.assert_array_equal(after[..., 3], before[..., 3])
        assert (after[..., :3] <= after[..., 3:]).all()
    centre = changed.levels[0][changed.levels[0].shape[0] // 2, changed.levels[0].shape[1] // 2, :3]
    assert np.abs(centre - np.array([110.0, 50, 95])).max() <= 8  # half way, within what its soft edge adds


def test_photographs_that_do_not_fit(stills, tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        load_stills(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no photographs"):
        load_stills(tmp_path / "empty")
    cv2.imwrite(str(stills / "cat-1.png"), np.full((140, 100), 255, np.uint8))
    with pytest.raises(InputError, match=r"cat-1.jpg is not as large as cat-1.png"):
        load_stills(stills)
    cv2.imwrite(str(stills / "alone.png"), np.full((140, 100), 255, np.uint8))
    with pytest.raises(InputError, match="a mask alone.png, but no photograph"):
        load_stills(stills)


@pytest.mark.parametrize("change", ["empty", "gone", "smaller"])
def test_a_mask_that_is_changed_while_it_is_used(tmp_path, refusal, texture, change):
    mask = np.zeros((90, 120), np.uint8)
    mask[20:70, 30:90] = 255
    cv2.imwrite(str(tmp_path / "dog.jpg"), texture(90, 120))
    cv2.imwrite(str(tmp_path / "dog.png"), mask)
    (source,) = load_stills(tmp_path)
    source.cut()
    if change == "gone":
        (tmp_path / "dog.png").unlink()
    else:
        cv2.imwrite(str(tmp_path / "dog.png"), 0 * mask if change == "empty" else mask[:, :100])
    assert "dog.png" in refusal(source.cut)
