import numpy as np

from experiments.fig1_2.features import CHANNELS, GAP, SIDE, contact_sheet, feature_figure, level_features
from rar_gluon.net.rar import build

from mxnet import nd  # isort: skip  (after rar_gluon, which sets its threads)


def test_features_are_the_backbones(small_config, texture):
    net = build(small_config().network)
    patch = texture(127, 127)
    levels = level_features(net, patch)
    assert list(levels) == list(net.config.levels)
    image = nd.array(patch.astype(np.float32).transpose(2, 0, 1)[None])
    for phi, level in zip(net.backbone(image), levels.values()):
        np.testing.assert_allclose(level, phi[0].asnumpy(), rtol=1e-5)


def test_a_sheet_holds_each_map_stretched_for_itself():
    ramp = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    sheet = contact_sheet(np.stack([ramp, 4 * ramp, np.zeros((4, 4), np.float32)]))
    assert sheet.shape == (2 * SIDE + GAP, 2 * SIDE + GAP, 3)
    first, second, flat = sheet[:SIDE, :SIDE], sheet[:SIDE, SIDE + GAP :], sheet[SIDE + GAP :, :SIDE]
    np.testing.assert_array_equal(first, second)
    assert flat.std(axis=(0, 1)).max() == 0 and first.std() > 10


def test_the_picture_has_a_row_a_level(small_config, texture):
    net = build(small_config().network)
    figure = feature_figure(net, {"one": texture(127, 127), "two": texture(127, 127, seed=1)})
    titles = [axes.get_title(loc="left") for part in figure.subfigs for axes in part.axes]
    assert titles[0] == "one" and f"of {CHANNELS}" not in titles[0]
    assert sum("mean" in title for title in titles) == 2 * len(net.config.levels)
