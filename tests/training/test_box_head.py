import numpy as np
import pytest

from rar_gluon.net.box_head import correlation_volume
from rar_gluon.net.inference import InferenceNetwork
from rar_gluon.net.rar import to_images
from rar_gluon.training.box_head import Seen, errors, fit, joined, see
from rar_gluon.training.box_pairs import BoxPair


def test_growth_is_learned_from_volumes():
    """Cells of random features that move apart by the growth: on others, sizes come out nearer than as they were."""
    rng = np.random.default_rng(0)

    def example():
        growth = rng.uniform(-0.3, 0.3, 2)
        places = [np.clip(np.round(4 + (np.arange(9) - 4) / np.exp(part)), 0, 8).astype(int) for part in growth]
        z = rng.normal(size=(1, 16, 9, 9))
        return correlation_volume(z, z[:, :, places[1]][..., places[0]])[0], growth

    volumes, changes = zip(*(example() for _ in range(700)))
    seen = Seen(np.stack(volumes).astype(np.float16), np.array(changes, np.float32))
    known, others = Seen(*(part[:600] for part in seen)), Seen(*(part[600:] for part in seen))
    found = errors(fit(known, 63, epochs=12, seed=0), others)
    assert found["size"] < 0.5 * found["size_before"] and found["aspect"] < 0.5 * found["aspect_before"]


def test_what_is_seen_is_the_networks(tiny_config, lively_network, texture):
    """Pairs together are as pairs alone, and the state goes from template to search region."""
    config = tiny_config()
    net = lively_network(config)
    pairs = [BoxPair(texture(63, 63, seed), texture(63, 63, seed + 9), np.arange(2.0)) for seed in range(3)]
    compute = InferenceNetwork(net)
    together = see(net, compute, pairs)
    alone = joined([see(net, compute, [pair]) for pair in pairs])
    assert together.volumes == pytest.approx(alone.volumes, abs=2e-3)
    assert together.changes.tolist() == [[0, 1]] * 3
    template, search = (to_images(part[None], net.ctx) for part in pairs[0][:2])
    z, *state = net(template, *net.begin_state(template.shape, net.ctx))
    x, *_ = net(search, *state)
    assert together.volumes[0] == pytest.approx(correlation_volume(z.asnumpy(), x.asnumpy())[0], abs=5e-3)
