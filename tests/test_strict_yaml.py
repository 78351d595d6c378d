import pytest

from rar_gluon.common import InputError
from rar_gluon.strict_yaml import display_text, parse, read


def test_values_are_those_of_yaml():
    text = "a: &x {b: [1, 2.5, yes]}\nc: *x\nd:\n  - {<<: *x, e: word}\n"
    inner = {"b": [1, 2.5, True]}
    assert parse(text, "here") == {"a": inner, "c": inner, "d": [{**inner, "e": "word"}]}
    assert parse("", "here") is None


@pytest.mark.parametrize(
    "text, words",
    [
        ("[" * 2000 + "]" * 2000, "nested too deeply"),
        ("&a [*a]", "nested too deeply"),
        ("a: 1\nb: 2\na: 3", "the key 'a' is given twice, in line 3 again"),
        ("x: {a: 1, a: 1}", "the key 'a' is given twice"),
        ("a: [", "expected"),
        ("!!python/object/apply:os.system [echo]", "could not determine a constructor"),
        ("!!timestamp a", "AttributeError|NoneType"),
        ("!!bool maybe", "maybe"),
        ("!!int ''", "index"),
        ("{[1]: 2}", "unhashable"),
        ("2001-99-99", "month"),
        ("\0", "special characters"),
    ],
)
def test_what_is_no_usable_yaml_is_said_in_one_sentence(text, words):
    with pytest.raises(InputError, match=f"^here is not usable YAML: .*({words})[^\\n]*\\.$"):
        parse(text, "here")


def test_a_few_lines_that_stand_for_billions_are_refused():
    lines = ["a0: &a0 [1, 1]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    with pytest.raises(InputError, match="more than 100000 values"):
        parse("\n".join(lines), "here")


def test_files(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes("a: ü".encode())
    assert read(path) == {"a": "ü"}
    path.write_bytes(b"\xff\xfe\x00\xd8")
    for place in (path, tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=f"^{place} cannot be read: "):
            read(place)


def test_a_message_stays_short():
    assert display_text([1, "word"]) == "[1, 'word']" and display_text(10**400)[:3] == "100"
    assert len(display_text([["x" * 1000] * 1000] * 1000)) < 3000
