import csv

import pytest

from rar_gluon.common import InputError
from rar_gluon.training.journal import Journal, read_rows


def write(folder, step, steps, validations=()):
    journal = Journal(folder, step)
    for number in steps:
        journal.step(number, number // 3, 0.5 / number, 1e-3, 123.456)
    for number in validations:
        journal.validation(number // 3, number, {"auc": 0.25, "dp": 1 / 3})
    journal.close()


def numbers(path):
    return [int(row["step"]) for row in read_rows(path)]


def test_logs_are_plain_tables(tmp_path):
    write(tmp_path, 0, [1, 2, 3], [0, 3])
    assert (tmp_path / "log.csv").read_text() == (
        "step,epoch,loss,learning_rate,images_per_second\n"
        "1,0,0.5,0.001,123.5\n2,0,0.25,0.001,123.5\n3,1,0.166667,0.001,123.5\n"
    )
    assert (tmp_path / "validation.csv").read_text() == ("epoch,step,auc,dp\n0,0,0.25,0.333333\n1,3,0.25,0.333333\n")
    with open(tmp_path / "log.csv", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == read_rows(tmp_path / "log.csv")


def test_a_line_is_there_as_soon_as_it_is_written(tmp_path):
    journal = Journal(tmp_path, 0)
    journal.step(1, 0, 0.5, 1e-3, 10)
    assert numbers(tmp_path / "log.csv") == [1]
    journal.close()


def test_what_was_lost_is_written_again(tmp_path):
    """A training that is resumed at step 3, after it had gone on to 5; and one that has to begin anew."""
    write(tmp_path, -1, range(1, 6), [0, 3, 5])
    write(tmp_path, 3, [4], [])
    assert numbers(tmp_path / "log.csv") == [1, 2, 3, 4]
    assert numbers(tmp_path / "validation.csv") == [0, 3]
    write(tmp_path, -1, [], [0])
    assert not (tmp_path / "log.csv").exists() and numbers(tmp_path / "validation.csv") == [0]


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    write(tmp_path, 0, [1, 2])
    path = tmp_path / "log.csv"
    path.write_text(path.read_text() + "3,1,0.1")
    assert numbers(path) == [1, 2]
    write(tmp_path, 2, [3])
    assert numbers(path) == [1, 2, 3]
    path.write_text(path.read_text()[:20])  # in the header
    write(tmp_path, 2, [3])
    assert numbers(path) == [3]


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b"step,loss\n1\n", b"step,loss\n1,2,3\n", b"step,loss\nx,2\n", b"step\n\xff\n"]
)
def test_what_is_no_log_is_refused(tmp_path, content):
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^\S+ is no log of a training: remove it, or give another --output\.$"):
        read_rows(path)
    with pytest.raises(InputError, match="is no log"):
        Journal(tmp_path, 5)
    assert path.read_bytes() == content


def test_a_log_with_a_nul_is_refused(tmp_path, refusal):
    """csv raises an error of its own before Python 3.11."""
    (tmp_path / "log.csv").write_bytes(b"step,loss\n1,\0\n\0,2\n")
    assert "log.csv is no log of a training" in refusal(read_rows, tmp_path / "log.csv")
