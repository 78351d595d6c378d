"""The tree keeps the order that docs/architecture.md draws."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rar_gluon"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
DIAGRAM = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL).group(1)
# Folder: those it may import from, as the diagram draws it.
MAY = {
    line.split("<-")[0].strip(): set(line.split("<-")[1].split()) for line in DIAGRAM.splitlines() if "<-" in line
}
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    """The folder of a module, or, for a module of the package's own folder, that module."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else "common"


def imports(tree):
    """The rooms that a module imports from, those for type checkers left out."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "rar_gluon" else [f"rar_gluon.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "rar_gluon" and len(parts) > 1:
                yield parts[1] if (PACKAGE / parts[1]).is_dir() else "common"


def test_the_diagram_shows_every_folder():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(MAY) == folders


@pytest.mark.parametrize("path", [path for path in FILES if path.parent != PACKAGE], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_the_way_that_is_drawn(path):
    here = room(path)
    foreign = set(imports(ast.parse(path.read_text(encoding="utf-8")))) - {here, "common"}
    assert foreign <= MAY[here], f"{here} may not import {foreign - MAY[here]}"


def test_nothing_imports_the_command_line_and_no_arrow_closes_a_circle():
    assert not any("cli" in allowed for allowed in MAY.values())
    done = set()
    while len(done) < len(MAY):
        ready = {name for name, allowed in MAY.items() if name not in done and allowed <= done}
        assert ready, f"a circle among {set(MAY) - done}"
        done |= ready


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_file_is_too_long_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_name_is_defined_twice_in_a_folder(folder):
    names = Counter(
        node.name
        for path in folder.glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []
