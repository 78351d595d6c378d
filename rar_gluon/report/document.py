"""A report that is a few tables and pictures: a page, Markdown, CSV and PNG, and text for the terminal."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Mapping, Sequence, Tuple

from matplotlib.figure import Figure

from rar_gluon.common import write_text
from rar_gluon.report.plots import data_address, save
from rar_gluon.report.tables import Table, texts, to_csv, to_markdown
from rar_gluon.table_text import text_table

Pictures = Mapping[str, Tuple[str, Figure]]  # caption and figure, by the name of the file

STYLE = """body { font: 15px/1.5 system-ui, sans-serif; max-width: 1280px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; display: block; overflow-x: auto; }
caption { text-align: left; font-weight: 600; padding-bottom: .4em; }
th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.supported { color: #176b2c; font-weight: 600; } .contradicted { color: #a31515; font-weight: 600; }
img { max-width: 100%; } figure { margin: 1.5em 0; } figcaption { color: #59636e; }
.warning { background: #fff4d6; border-left: 4px solid #d9a400; padding: .5em 1em; }"""


def to_text(table: Table, skip: Sequence[str] = ()) -> str:
    """Table for a terminal, its heads in several lines, without the columns `skip`."""
    kept = [index for index, column in enumerate(table.columns) if column.head not in skip]
    heads = [table.columns[index].head.split() for index in kept]
    number = [bool(table.columns[index].spec) for index in kept]
    height = max(map(len, heads))
    stacked = [[""] * (height - len(head)) + head for head in heads]
    rows = [*zip(*stacked), *([row[index] for index in kept] for row in texts(table))]
    return "\n".join([table.caption, *text_table(rows, number)])


def to_html(title: str, sentences: Sequence[str], tables: Sequence[Table], pictures: Pictures) -> str:
    """One page that needs no other file; the first of `sentences` is set off as a warning."""
    parts = [f"<h1>{html.escape(title)}</h1>"]  # not by jinja2: its template and the call were as long
    for index, sentence in enumerate(sentences):
        mark = ' class="warning"' if index == 0 else ""
        parts.append(f"<p{mark}>{html.escape(sentence)}</p>")
    for table in tables:
        kinds = ["number" if column.spec else "" for column in table.columns]
        head = "".join(_cell("th", column.head, kind) for column, kind in zip(table.columns, kinds))
        body = ["".join(_cell("td", text, kind) for text, kind in zip(row, kinds)) for row in texts(table)]
        rows = "".join(f"<tr>{row}</tr>\n" for row in [head, *body])
        parts.append(f"<table><caption>{html.escape(table.caption)}</caption>\n{rows}</table>")
        parts.append("<ul>" + "".join(f"<li>{html.escape(note)}</li>" for note in table.notes) + "</ul>")
    for caption, figure in pictures.values():
        parts.append(f'<figure><img src="{data_address(figure)}" alt="{html.escape(caption)}">')
        parts.append(f"<figcaption>{html.escape(caption)}</figcaption></figure>")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f"<style>\n{STYLE}\n</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _cell(tag: str, text: str, kind: str) -> str:
    kind = kind or (text if text in ("supported", "contradicted") else "")
    return f"<{tag}{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{html.escape(text)}</{tag}>"


def write_document(
    output: Path, title: str, sentences: Sequence[str], tables: Sequence[Table], pictures: Pictures | None = None
) -> None:
    """Write report.html, report.md, a CSV for each table and a PNG for each picture into `output`."""
    pictures = pictures or {}
    parts = [f"# {title}", *sentences, *map(to_markdown, tables)]
    for name, (caption, _) in pictures.items():
        parts += [image(name), caption]
    figures = {name: figure for name, (_, figure) in pictures.items()}
    write_report(output, tables, figures, parts, to_html(title, sentences, tables, pictures), ("png",))


def image(name: str) -> str:
    """Markdown of a picture beside the report; a target with blanks or parentheses stands in angle brackets."""
    target = f"<{name}.png>" if re.search(r"[\s()]", name) else f"{name}.png"
    return f"![{name.replace('_', ' ')}]({target})"


def write_report(
    output: Path,
    tables: Sequence[Table],
    figures: Mapping[str, Figure],
    parts: Sequence[str],
    page: str,
    suffixes: Sequence[str] = ("png", "pdf"),
) -> None:
    """Write the files of a report: a CSV for each table, each figure, report.md of Markdown `parts`, report.html.

    Every report is written here. `rar report` makes a page of its own (page.py), whose controls follow OTB's curves.
    """
    for table in tables:
        write_text(output / f"{table.name}.csv", to_csv(table))
    for name, figure in figures.items():
        save(figure, output, name, suffixes)
    write_text(output / "report.md", "\n\n".join(part.strip("\n") for part in parts) + "\n")
    write_text(output / "report.html", page)
