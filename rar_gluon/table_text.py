"""Tables as text: aligned for a terminal, or as Markdown."""

from __future__ import annotations

from typing import List, Sequence


def text_table(rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> List[str]:
    """Lines of a table whose columns are aligned; `right` says which are to the right, the others are to the left."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    sides = [*right, *[False] * (len(widths) - len(right))]
    return [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width) for cell, width, to_right in zip(row, widths, sides)
        ).rstrip()
        for row in rows
    ]


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> List[str]:
    """Lines of a Markdown table; `right` as in `text_table`."""
    sides = [*right, *[False] * (len(head) - len(right))]
    rule = ["---:" if to_right else "---" for to_right in sides]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, rule, *rows)]
