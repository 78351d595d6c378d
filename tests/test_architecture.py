"""The tree keeps the order that docs/reference/architecture.md draws."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rar_gluon"
PAGE = (ROOT / "docs" / "reference" / "architecture.md").read_text(encoding="utf-8")
DIAGRAM = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL).group(1)
# Folder: those it may import from, as the diagram draws it.
MAY = {line.split("<-")[0].strip(): set(line.split("<-")[1].split()) for line in DIAGRAM.splitlines()}
LEAVES = {path for path in PACKAGE.glob("*.py") if path.name != "__init__.py"}
FILES = sorted(PACKAGE.rglob("*.py"))


def identity(path):
    """A path as the name of a test."""
    return str(path.relative_to(ROOT))


def imported(path):
    """The folders that a module imports from, leaves left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            folder = parts[0] == "rar_gluon" and len(parts) > 1 and (PACKAGE / parts[1]).is_dir()
            if folder and PACKAGE.joinpath(*parts[1:3]).with_suffix(".py") not in LEAVES:
                yield parts[1]


def test_the_diagram_shows_every_folder():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(MAY) == folders


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.parent != PACKAGE and path not in LEAVES], ids=identity
)
def test_imports_go_the_way_that_is_drawn(path):
    folder = path.relative_to(PACKAGE).parts[0]
    backwards = set(imported(path)) - {folder} - MAY[folder]
    assert not backwards, f"{folder} may not import from {backwards}"


@pytest.mark.parametrize("path", sorted(LEAVES), ids=identity)
def test_what_every_folder_may_import_imports_from_none(path):
    assert not set(imported(path))


def test_nothing_imports_the_command_line_and_no_arrow_closes_a_circle():
    assert not any("cli" in allowed for allowed in MAY.values())
    done = set()
    while len(done) < len(MAY):
        ready = {name for name, allowed in MAY.items() if name not in done and allowed <= done}
        assert ready, f"a circle among {set(MAY) - done}"
        done |= ready
