import numpy as np
import pytest

from rar_gluon.config import dump, from_dict
from rar_gluon.net.box_head import head_path
from rar_gluon.net.rar import build
from rar_gluon.net.weights import save_network
from rar_gluon.tracking.tracker import Tracker


@pytest.fixture
def weights(tmp_path, small_config):
    """Weights of a small network, with its configuration beside them."""
    config = small_config(tracking={"input_size": 63, "box_rate": 0.2}, levels=["conv3"], deformable=[])
    (tmp_path / "small.yaml").write_text(dump(config))
    save_network(build(config.network), tmp_path / "small.npz")
    return tmp_path / "small.npz"


@pytest.fixture
def train_box(rar_thin_script, weights):
    """Train a head for them, for one epoch."""
    named = ["--config", weights.with_suffix(".yaml"), "--weights", weights]
    return lambda *arguments: rar_thin_script("train_box", weights.parent / "work", "--epochs", 1, *named, *arguments)


def test_a_head_is_trained_for_any_weights_and_goes_on(train_box, weights, make_clip):
    frames = make_clip([(50, 40, 30, 30)] * 2)
    tracker = Tracker(weights.with_suffix(".yaml"), weights)
    assert tracker.box_refinement is None  # there is no head yet
    first = train_box("--pairs", "24")
    assert first.returncode == 0, first.stderr
    assert "size" in first.stdout and str(head_path(weights)) in first.stdout
    part = weights.parent / "work" / "training" / "0.npz"
    kept, head = part.stat().st_mtime_ns, head_path(weights).read_bytes()
    assert train_box("--pairs", "24").returncode == 0
    assert part.stat().st_mtime_ns == kept and head_path(weights).read_bytes() == head
    np.savez(part, volumes=np.zeros(1))
    damaged = train_box("--pairs", "24")
    assert damaged.returncode == 2 and str(part) in damaged.stderr and "Traceback" not in damaged.stderr
    other = train_box("--pairs", "24", "--seed", "1")
    assert other.returncode == 2 and "another seed" in other.stderr and "Traceback" not in other.stderr

    settings = weights.parent / "work" / "training" / "settings.json"
    settings.write_text(settings.read_text().replace('"windows": 2', '"windows": 1'))
    older = train_box("--pairs", "24")  # pairs of an earlier version's windows
    assert older.returncode == 2 and "another windows" in older.stderr and "Traceback" not in older.stderr

    tracker = Tracker(weights.with_suffix(".yaml"), weights)
    tracker.init(frames[0], (50, 40, 30, 30))
    assert tracker.box_refinement is not None and len(tracker.update(frames[1])) == 4
    still = Tracker(from_dict({"tracking": {"box_rate": 0.0}}, base=tracker.config), weights)
    assert still.box_refinement is None


@pytest.mark.parametrize("arguments, words", [(["--pairs", "0"], "--pairs"), (["--records", "nowhere"], "nowhere")])
def test_what_cannot_be_is_said(train_box, arguments, words):
    done = train_box(*arguments)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr
