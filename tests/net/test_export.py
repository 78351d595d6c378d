import numpy as np
import pytest

from rar_gluon.net.export import export_symbol
from tests.net.comparing import arrays, assert_equal, random_state

import mxnet as mx  # isort: skip  (after rar_gluon, which sets its threads)


@pytest.mark.filterwarnings("ignore:Cannot decide type")  # of SymbolBlock.imports
def test_a_symbol_is_read_by_mxnet(small_config, make_net, images, tmp_path):
    net = make_net(small_config(deformable=["conv4"]))
    files = export_symbol(net, tmp_path)
    assert [path.name for path in files] == ["network-symbol.json", "network-0000.params"]
    image, state = images(batch=2), random_state(net, (2, 3, 127, 127))
    names = ["image", *(f"state{index}" for index in range(len(state)))]
    block = mx.gluon.SymbolBlock.imports(str(files[0]), names, str(files[1]))
    ours, theirs = arrays(net(image, *state)), arrays(block(image, *state))
    assert_equal(theirs[:1], ours[:1], 1e-5)
    assert_equal(theirs[1:], ours[1:], 5e-4)
    assert all(np.isfinite(part).all() for part in theirs)
