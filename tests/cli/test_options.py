import pytest

from rar_gluon.cli.options import parse_box
from rar_gluon.common import InputError


@pytest.mark.parametrize("text, box", [("1,2,3,4", (1, 2, 3, 4)), (" 1.5, -2e1 ,3 ,4", (1.5, -20, 3, 4))])
def test_parse_box(text, box):
    assert parse_box(text) == box


def test_parse_box_refuses():
    with pytest.raises(InputError):
        parse_box("1,2,3")
