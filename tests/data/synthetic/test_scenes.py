import cv2
import numpy as np

from rar_gluon.data.synthetic import SyntheticTracks, as_sources, cutouts, layers
from rar_gluon.data.synthetic import scenes as scenery


def test_visible_is_what_the_drawn_pixels_show(white_scenes, drawn_white):
    shares, hidden = [], 0
    for scene in white_scenes:
        for frame in range(20):
            seen = drawn_white(scene.target, frame) >= 90
            for layer in scene.above:
                seen &= drawn_white(layer, frame) < 90
            if np.linalg.norm(scene.target.smear[frame]) < 1:
                outline = scene.target.to_frame(scene.target.sprite.outline)[frame]
                share = seen.sum() / cv2.contourArea(cv2.convexHull(outline.astype(np.float32)))  # of a disc
                shares.append((share, scene.visible[frame]))
                hidden += scene.visible[frame] < 0.5
    drawn, computed = np.array(shares).T
    assert len(shares) > 300 and hidden > 5
    assert np.abs(drawn - computed).max() < 0.12 and abs((drawn - computed).mean()) < 0.02


def test_out_of_the_frame_and_behind_something(size):
    cutout = (np.full((40, 40, 3), 255, np.uint8), np.pad(np.full((32, 32), 255, np.uint8), 4))
    sprite, rng, ones = cutouts.make_sprite(cutout), np.random.default_rng(0), np.ones(3)
    path = np.array([[80.0, 60], [160, 60], [300, 60]])  # within, half way out, out
    target = layers.moving(rng, sprite, path, ones, 0, lively=False)
    np.testing.assert_allclose(target.boxes(), [[64, 44, 32, 32], [144, 44, 32, 32], [284, 44, 32, 32]], atol=0.3)
    np.testing.assert_allclose(scenery.visible_shares(target, [], size), [1, 0.5, 0], atol=0.05)
    other = layers.moving(rng, sprite, np.array([[80.0, 68]] * 3), ones, 0, lively=False)
    np.testing.assert_allclose(scenery.visible_shares(target, [other], size), [0.25, 0.5, 0], atol=0.05)


def test_motion_spans_what_is_promised(scenes, size):
    least, most = scenery.SCALES
    spans = [np.ptp(np.log(scene.target.zoom)) for scene in scenes]
    assert np.log(1.3) < np.median(spans) and 0.7 * np.log(most / least) < max(spans) <= np.log(most / least) + 1e-9
    columns = [
        scene.target.plane[:, :2, 0] - scene.target.plane[:, :2, 2] * scene.target.plane[:, 2:, 0] for scene in scenes
    ]
    rolls = [np.ptp(np.degrees(np.unwrap(np.arctan2(axis[:, 1], axis[:, 0])))) for axis in columns]
    assert min(rolls) < 10 and max(rolls) > 60
    tilts = np.array([np.abs(scene.target.plane[:, 2, :2]).max() for scene in scenes])
    assert (tilts > 1e-4).all()
    centres = np.array([scene.boxes[:, :2] + scene.boxes[:, 2:] / 2 for scene in scenes])
    sides = np.array([np.sqrt(scene.boxes[:, 2:].prod(axis=1)) for scene in scenes])
    steps = np.linalg.norm(np.diff(centres, axis=1), axis=2) / sides[:, 1:]
    assert np.median(steps) < 0.1 and steps.max() > 0.5
    shares = sides / np.sqrt(size[0] * size[1])
    assert shares.min() < 0.09 and shares.max() > 0.3


def test_what_happens_in_some_sequences(scenes):
    copied = [any(layer.sprite is scene.target.sprite for layer in scene.below) for scene in scenes]
    assert 0.1 < np.mean(copied) < 0.5
    for happens in (
        [bool(scene.above) for scene in scenes],
        [np.abs(scene.target.smear).max() > 2 for scene in scenes],
        [np.ptp(scene.target.gain) > 0.3 for scene in scenes],
        [np.ptp(scene.tones[:, 128].astype(int)) > 20 for scene in scenes],
        [np.ptp(scene.tones.astype(int), axis=1).max() < 190 for scene in scenes],
        [np.abs(scene.pan).max() > 1 for scene in scenes],
        [scene.noise > 0 for scene in scenes],
    ):
        assert 0.05 < np.mean(happens) < 0.8


def test_others_are_often_of_the_target_kind(texture, size, disc):
    cut = [(texture(60, 90, seed, 6), disc()) for seed in range(8)]
    tracks = SyntheticTracks(
        80,
        6,
        size=size,
        objects=[*as_sources(cut[:4], "fish"), *as_sources(cut[4:])],
        backgrounds=[texture(200, 260, 3)],
    )
    kinds = {id(tracks.objects.sprite(number).outline): number < 4 for number in range(8)}
    alike = []
    for scene in map(tracks.scene, range(80)):
        if kinds[id(scene.target.sprite.outline)]:
            outlines = [layer.sprite.outline for layer in (*scene.below, *scene.above)]
            alike += [kinds[id(outline)] for outline in outlines if outline is not scene.target.sprite.outline]
    assert 0.55 < np.mean(alike) < 0.9  # half of them by their kind, the rest by chance
