import cv2
import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.report.curves import curves, plot_curves, read_columns, running_mean


@pytest.fixture
def logs(tmp_path):
    log, validation = tmp_path / "log.csv", tmp_path / "validation.csv"
    rate = 1e-3 * 0.99 ** np.arange(200)
    lines = [f"{i + 1},{i // 100},{2 - i / 200:.6g},{rate[i]:.6g},17.2\n" for i in range(200)]
    log.write_text("step,epoch,loss,learning_rate,images_per_second\n" + "".join(lines))
    validation.write_text("epoch,step,loss,auc,dp\n0,0,2.1,0.4,0.5\n1,100,1.5,0.55,0.7\n2,200,1.25,0.5,0.75\n")
    return log, validation


def lines_of(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}


def test_what_is_drawn_is_what_is_logged(logs):
    figure = curves(*map(read_columns, logs))
    losses, rates, values = (lines_of(axes) for axes in figure.axes)
    assert losses["training"][0] == [1, 2] and losses["training"][-1] == [200, 1.005]
    assert losses["validation"] == [[0, 2.1], [100, 1.5], [200, 1.25]]
    assert np.allclose(losses["training, mean of 4 steps"][0], [4, np.mean([2, 1.995, 1.99, 1.985])])
    assert values["auc, last 0.500"] == [[0, 0.4], [100, 0.55], [200, 0.5]]
    assert set(values) == {"auc, last 0.500", "dp, last 0.750"}
    (rate,) = rates.values()
    assert np.allclose(rate[100], [101, 1e-3 * 0.99**100], rtol=1e-5)
    assert figure.axes[1].get_yscale() == "log"


def test_without_validation_there_are_two_panels(logs):
    log, _ = logs
    assert len(curves(read_columns(log), {}).axes) == 2


def test_one_step_at_rate_zero(tmp_path):
    log = tmp_path / "short.csv"
    log.write_text("step,epoch,loss,learning_rate,images_per_second\n1,0,nan,0,3\n")
    assert list(lines_of(curves(read_columns(log), {}).axes[0])) == ["training"]


def test_running_mean():
    values = np.random.default_rng(0).normal(size=20)
    expected = [values[i : i + 6].mean() for i in range(15)]
    np.testing.assert_allclose(running_mean(values, 6), expected)


def test_file(logs, tmp_path):
    pictures = [tmp_path / "a.png", tmp_path / "b" / "b.png"]
    for png in pictures:
        plot_curves(*logs, png)
    assert cv2.imread(str(pictures[0])).std() > 5
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_unusable_logs(logs, tmp_path):
    log, validation = logs
    with pytest.raises(InputError, match="holds no step"):
        plot_curves(tmp_path / "absent.csv", validation, tmp_path / "x.png")
    log.write_text("step,epoch,loss,learning_rate,images_per_second\n1,0,many,0.1,3\n")
    with pytest.raises(InputError, match="is no log of a training"):
        plot_curves(log, validation, tmp_path / "x.png")
