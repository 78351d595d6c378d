import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.config import to_dict
from rar_gluon.net.rar import build
from rar_gluon.net.weights import save_arrays, save_network
from rar_gluon.training import start
from rar_gluon.training.start import principal_start, set_start, start_network

from mxnet import nd  # isort: skip  (after rar_gluon, which sets its threads)

PLAIN = {"inter_frame": False, "channel": False, "spatial": False}


@pytest.fixture
def images(texture):
    pictures = np.stack([texture(63, 63, seed) for seed in range(6)])
    return nd.array(pictures.transpose(0, 3, 1, 2), dtype="float32")


def features_of(net, images):
    """Levels side by side at unit energy each, (cells, channels), float64."""
    columns = []
    for image in images:
        levels = [level.asnumpy().astype(np.float64)[0] for level in net.backbone(image.expand_dims(0))]
        levels = [level / np.sqrt((level**2).mean()) for level in levels]
        columns.append(np.concatenate(levels).reshape(sum(map(len, levels)), -1).T)
    return np.concatenate(columns)


def test_the_refinement_becomes_the_principal_components(tiny_config, images):
    """Against a singular value decomposition: the output spans the strongest directions, equally strong in all."""
    config = tiny_config(**PLAIN)
    net = build(config.network)
    part = principal_start(net, images)
    features = features_of(net, images)
    channels = config.network.output_channels
    _, values, directions = np.linalg.svd(features, full_matrices=False)
    assert part == pytest.approx((values[:channels] ** 2).sum() / (values**2).sum(), rel=1e-4)
    assert 0 < part <= 1 + 1e-9
    answers = np.concatenate([net(image.expand_dims(0))[0].asnumpy()[0].reshape(channels, -1).T for image in images])
    cells = len(answers) // len(images)
    expected = (features @ directions[:channels].T) / values[:channels]
    for first in range(0, len(answers), cells):  # each image at unit energy; a direction's sign is free
        ours, theirs = answers[first : first + cells], expected[first : first + cells]
        theirs = theirs / np.sqrt((theirs**2).mean())
        np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=0.02 * np.abs(theirs).max())


def test_more_channels_keep_more(tiny_config, images):
    parts = []
    for channels in (2, 4, 8):
        net = build(tiny_config(**PLAIN, output_channels=channels).network)
        parts.append(principal_start(net, images))
    assert 0 < parts[0] < parts[1] < parts[2] <= 1 + 1e-9


def test_more_channels_than_features_are_left_at_zero(tiny_config, images):
    """The narrowest stage has 32 channels here."""
    config = tiny_config(**PLAIN, levels=["conv3"], deformable=[], refinement_channels=64, output_channels=64)
    net = build(config.network)
    assert principal_start(net, images) == pytest.approx(1)
    answer = net(images[:1])[0].asnumpy()
    assert answer.shape[1] == 64 and np.isfinite(answer).all() and not answer[:, 32:].any()


def test_finer_levels_count_as_they_are_merged(tiny_config, images):
    """At stride 16 conv3 is pooled by 2 first: the energy kept is that of the pooled maps, by another route."""
    config = tiny_config(**PLAIN, stride=16, tracking={"input_size": 64})
    net = build(config.network)
    part = principal_start(net, images)
    features = []
    for image in images:
        fine, coarse = (level.asnumpy().astype(np.float64)[0] for level in net.backbone(image.expand_dims(0)))
        pooled = np.zeros((len(fine), *coarse.shape[1:]))
        for row, column in np.ndindex(*pooled.shape[1:]):
            near = fine[:, max(0, 2 * row - 1) : 2 * row + 2, max(0, 2 * column - 1) : 2 * column + 2]
            pooled[:, row, column] = near.mean(axis=(1, 2))
        levels = [level / np.sqrt((level**2).mean()) for level in (pooled, coarse)]
        features.append(np.concatenate(levels).reshape(sum(map(len, levels)), -1).T)
    values = np.linalg.svd(np.concatenate(features), compute_uv=False)
    channels = config.network.output_channels
    assert part == pytest.approx((values[:channels] ** 2).sum() / (values**2).sum(), rel=1e-4)


def test_a_network_without_such_a_start_is_refused(tiny_config, images):
    with pytest.raises(InputError, match=r"^training\.start: [^\n]*stacked[^\n]*\.$"):
        principal_start(build(tiny_config(**PLAIN, refinement="concat").network), images)


def test_the_configuration_names_the_start(tiny_config, clips_of, values_of, monkeypatch):
    monkeypatch.setattr(start, "START_CLIPS", 3)
    random, principal = (tiny_config(training={"start": name}) for name in ("random", "principal"))
    net = build(random.network)
    before = values_of(net)
    set_start(net, random, clips_of(random))
    assert all(np.array_equal(array, before[name]) for name, array in values_of(net).items())
    set_start(net, principal, clips_of(principal))
    changed = {name for name, array in values_of(net).items() if not np.array_equal(array, before[name])}
    assert changed == {"refinement.lateral0.weight", "refinement.lateral1.weight", "refinement.out.weight"}


def test_a_file_starts_a_training_by_what_it_holds(tiny_config, clips_of, values_of, monkeypatch, tmp_path):
    """A whole network goes on as it was trained; a backbone gets the refinement that `training.start` names."""
    monkeypatch.setattr(start, "START_CLIPS", 3)
    config = tiny_config(training={"start": "principal"})
    net = build(config.network, seed=5)
    save_network(net, tmp_path / "network.npz", config=config)
    backbone = {name: value for name, value in values_of(net).items() if name.startswith("backbone.")}
    save_arrays(tmp_path / "backbone.npz", backbone, to_dict(config), "backbone")
    trained = values_of(net)
    values = values_of(start_network(config, str(tmp_path / "network.npz"), clips=clips_of(config)))
    assert all(np.array_equal(array, trained[name]) for name, array in values.items())
    values = values_of(start_network(config, str(tmp_path / "backbone.npz"), clips=clips_of(config)))
    assert all(np.array_equal(values[name], array) for name, array in backbone.items())
    set_start(net, config, clips_of(config))
    expected = values_of(net)
    for name in ("refinement.lateral0.weight", "refinement.lateral1.weight", "refinement.out.weight"):
        assert np.array_equal(values[name], expected[name]) and not np.array_equal(values[name], trained[name])
