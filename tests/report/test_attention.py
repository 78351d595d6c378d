import cv2
import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.net.rar import build
from rar_gluon.report.attention import draw_attention, level_maps
from rar_gluon.tracking.tracker import Tracker

from mxnet import nd  # isort: skip  (after rar_gluon, which sets its threads)


@pytest.fixture(scope="module")
def video(tmp_path_factory, make_clip):
    folder = tmp_path_factory.mktemp("clip")
    for index, frame in enumerate(make_clip([(40 + i, 30, 30, 24) for i in range(4)])):
        cv2.imwrite(str(folder / f"{index:04d}.png"), frame)
    return folder


@pytest.mark.parametrize("network", [{}, {"inter_frame": False}, {"spatial": False}], ids=["", "NTA", "NSA"])
def test_level_maps_are_those_of_the_network(small_config, network):
    config = small_config(**network)
    net = build(config.network)
    image = nd.random.uniform(0, 255, (1, 3, 127, 127))
    state = net.begin_state(image.shape)
    maps = level_maps(net, image, state)
    assert list(maps) == list(config.network.levels)
    for phi, (before, inter, intra, after) in zip(net.backbone(image), maps.values()):
        np.testing.assert_allclose(before, np.abs(phi.asnumpy()).mean(axis=(0, 1)), rtol=1e-5)
        # At the start Ψᶜ and Ψˢ are 1/2 each: φᵃ = φ Ψˢ Ψᶜ + φ
        factor = 1.25 if config.network.spatial else 1.5
        np.testing.assert_allclose(after, factor * before, rtol=1e-4)
        np.testing.assert_allclose(intra, 0.5 if config.network.spatial else 1.0, rtol=1e-5)
        attended = config.network.spatial and config.network.inter_frame
        assert (inter == 1).all() if not attended else ((inter > 0) & (inter < 1)).all()


def test_the_picture_is_drawn(small_config, video, tmp_path):
    config = small_config()
    output = tmp_path / "attention.png"
    draw_attention(Tracker(config, build(config.network)), video, (40, 30, 30, 24), output, frame=2)
    assert cv2.imread(str(output)).std() > 10


@pytest.mark.parametrize("frame, words", [(0, "--frame is 0"), (9, "has 4 frames")])
def test_a_frame_that_is_not_there_is_one_sentence(small_config, video, tmp_path, frame, words):
    config = small_config()
    with pytest.raises(InputError, match=words):
        draw_attention(Tracker(config, build(config.network)), video, (40, 30, 30, 24), tmp_path / "x.png", frame)
