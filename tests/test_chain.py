"""The whole of Fig. 3 in one gradient: image, representation, filter, response, loss (Eq. 12)."""

import numpy as np
import pytest
from mxnet import autograd, nd

from rar_gluon.filter.fourier import gaussian_label, hann_window
from rar_gluon.filter.layer import CorrelationFilter, correlation_response
from rar_gluon.net.rar import build
from rar_gluon.net.weights import parameters

SIDE = 127


@pytest.fixture
def chain(small_config):
    """A network whose attention has left its zero start, and the images of one clip: z with contexts, then x."""
    net = build(small_config().network, seed=2)
    rng = np.random.default_rng(0)
    for name, parameter in parameters(net).items():
        if name.endswith(("w_o.weight", "offset_weight")):
            parameter.set_data(nd.array(rng.normal(0, 0.1, parameter.shape)))
    coarse = rng.uniform(0, 255, (6, 3, 16, 16))
    images = nd.array(np.kron(coarse, np.ones((8, 8)))[..., :SIDE, :SIDE])
    cells = build_cells(net)
    label = nd.array(gaussian_label(cells, cells, 0.1 * cells / 3))
    window = nd.array(hann_window(cells, cells))

    def loss(respond):
        state = [nd.broadcast_axis(part, axis=0, size=5) for part in net.begin_state((1, 3, SIDE, SIDE))]
        z, *state = net(images[:5], *state)
        x, *_ = net(images[5:], *[part[:1] for part in state])
        z = nd.broadcast_mul(z, window)
        g = respond(nd.broadcast_mul(x, window), z[:1].expand_dims(0), z[1:].expand_dims(0).expand_dims(0), label)
        return nd.sum(nd.square(nd.broadcast_sub(g, label)))  # Eq. 12

    return net, loss


def build_cells(net):
    return net(nd.zeros((1, 3, SIDE, SIDE)), *net.begin_state((1, 3, SIDE, SIDE)))[0].shape[-1]


def gradients(net, loss, respond):
    with autograd.record():
        value = loss(respond)
    value.backward()
    nd.waitall()
    return {name: p.grad().asnumpy().copy() for name, p in parameters(net).items() if p.grad_req != "null"}


def closed_form(x, z0, zi, y):
    return correlation_response(x, z0, zi, y, normalize=True)


def test_the_loss_reaches_every_parameter_that_can_be_trained(chain):
    net, loss = chain
    by_name = gradients(net, loss, closed_form)
    assert [name for name, gradient in by_name.items() if not np.abs(gradient).max() > 0] == []
    assert all(np.isfinite(gradient).all() for gradient in by_name.values())


def test_the_closed_form_gradient_of_the_network_is_autograds(chain):
    net, loss = chain
    exact = gradients(net, loss, closed_form)

    def operators(x, z0, zi, y):
        block = CorrelationFilter(y.asnumpy(), x.shape[1], normalize=True)
        block.initialize()
        return block(x, z0, zi)

    other = gradients(net, loss, operators)
    for name, gradient in exact.items():
        np.testing.assert_allclose(gradient, other[name], rtol=0, atol=2e-3 * np.abs(other[name]).max(), err_msg=name)


def test_hybridized_training_gives_the_same_gradient(chain):
    net, loss = chain
    plain = gradients(net, loss, closed_form)
    net.hybridize()
    compiled = gradients(net, loss, closed_form)
    for name, gradient in plain.items():
        np.testing.assert_allclose(gradient, compiled[name], rtol=0, atol=2e-3 * np.abs(gradient).max(), err_msg=name)
