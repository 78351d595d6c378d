"""Sphinx: the site of all pages, with a page for each public name (`make docs`)."""

import re
import shutil
import sys
from pathlib import Path

import rar_gluon  # before mxnet: sets its threads
from rar_gluon.config import fields

sys.modules["rar"] = rar_gluon  # names are shown as users write them: import rar_gluon as rar

project, author, release = "rar-gluon", "The rar-gluon authors", rar_gluon.__version__
copyright = "The rar-gluon authors, Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
suppress_warnings = ["myst.xref_missing"]  # links to files beside docs/; tests/test_pages.py checks every link
html_theme, html_title = "furo", f"rar-gluon {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
myst_heading_anchors = 3
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 80
HERE = Path(__file__).parent
MEMBERS = {"Tracker": "init, update, track, box, score, confidence, response, window"}
SIGNATURES = {"Config": "(network, filter, tracking, training)"}  # the defaults are a table below
KINDS = {"Config": "class", "CorrelationFilter": "class", "Tracker": "class", "InputError": "exception"}


def write_public_pages(app):
    """Write a page for each public name, before Sphinx looks for pages; git ignores them."""
    folder = HERE / "reference" / "python"
    folder.mkdir(exist_ok=True)
    for name in rar_gluon.__all__:
        lines = [f"# rar.{name}", "", "```{eval-rst}", _directive(name)]
        lines += [f"   :members: {MEMBERS[name]}"] if name in MEMBERS else []
        lines += ["```", *(config_table() if name == "Config" else [])]
        (folder / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _directive(name):
    return f".. auto{KINDS.get(name, 'function')}:: rar.{name}{SIGNATURES.get(name, '')}"


def config_table():
    """Every value of the configuration, as Markdown."""
    yield from ("", "## Values", "", "| value | type | default | mark | source |", "|---|---|---|---|---|")
    for path, leaf, value in fields():
        text = ", ".join(value) or "none" if isinstance(value, tuple) else value
        mark, source = leaf.metadata["mark"], leaf.metadata["source"].replace("|", "/")
        yield f"| `{path}` | {leaf.type} | {text} | {mark} | {source} |"


def describe(app, what, name, obj, options, lines):
    """Rewrite `name : description` of our docstrings, for numpydoc takes what follows a colon for a type."""
    section, out = "", []
    for index, line in enumerate(lines):
        below = lines[index + 1] if index + 1 < len(lines) else ""
        if line and set(below) == {"-"}:
            section = line
            out.append(f"**{line}**" if line in ("Returns", "Yields") else line)
        elif line and set(line) == {"-"}:
            out.append("" if section in ("Returns", "Yields") else line)
        elif section in ("Parameters", "Attributes") and (match := re.match(r"(\*{0,2}\w[\w, ]*) : (.*)", line)):
            out += [match[1], f"    {match[2]}"]
        else:
            out.append(line)
    lines[:] = out


def remove_public_pages(app, error):
    """Leave the tree as it was."""
    shutil.rmtree(HERE / "reference" / "python")


def setup(app):
    """Connect these to Sphinx."""
    app.connect("builder-inited", write_public_pages)
    app.connect("build-finished", remove_public_pages)
    app.connect("autodoc-process-docstring", describe, priority=400)  # before numpydoc's 500
