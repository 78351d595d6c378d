"""The one table of what can be made: a new table or figure is an entry here, and a folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Callable, Dict, Tuple

from experiments.call import Call
from experiments.comparisons import make_comparison, plan_sequences
from experiments.fig1_2 import make as fig1_2
from experiments.fig4 import make as fig4
from experiments.fig7 import make as fig7
from experiments.fig8_9 import make as fig8_9
from experiments.fig10 import make as fig10
from experiments.rows import make_rows, plan_rows
from experiments.table2 import make as table2

RUNS = ("workers", "scheduler", "frames", "sequences")  # options of what runs trackers
# of what trains rows
ROWS = (*RUNS, "rows", "seeds", "set", "start", "records", "outcomes", "pairs", "curve", "add", "pool")


@dataclass(frozen=True)
class Target:
    """A table or a figure.

    Attributes
    ----------
    name : of its folder and of its script, run_NAME.sh.
    title : of its report.
    options : of the command line that it takes, besides those that all take.
    make : makes it of a call and the title; returns the exit status.
    plan : says what a call would cost, without data.
    """

    name: str
    title: str
    options: Tuple[str, ...]
    make: Callable[[Call, str], int]
    plan: Callable[[Call], str]

    @property
    def trains(self) -> bool:
        """Whether it is a table of rows, each a folder with its config.yaml."""
        return self.options == ROWS


def _rows(name: str, title: str) -> Target:
    return Target(name, title, ROWS, make_rows, plan_rows)


def _comparison(
    name: str, title: str, options: Tuple[str, ...], make: Callable, plan: Callable = plan_sequences
) -> Target:
    return Target(name, title, options, partial(make_comparison, make), plan)


_TRACKERS = (*RUNS, "boxes", "results", "weights", "tracker")

TARGETS: Dict[str, Target] = {
    target.name: target
    for target in (
        _rows("table3", "Table 3: stages, deformable convolutions, fine-tuning, output stride"),
        _rows("table4", "Table 4: variants of the tracker"),
        _rows("extra", "Extra rows of ours, not in the paper"),
        _comparison(
            *("table2", "Table 2: published numbers, recomputed ones, and ours"),
            *((*_TRACKERS, "dataset", "root"), table2.make, table2.plan),
        ),
        _comparison("fig1_2", "Figs. 1 and 2: features of the levels", ("sequences",), fig1_2.make, fig1_2.plan),
        _comparison("fig4", "Fig. 4: attention", ("sequences", "weights"), fig4.make, fig4.plan),
        _comparison("fig7", "Fig. 7: attributes", _TRACKERS, fig7.make),
        _comparison("fig8_9", "Figs. 8 and 9: boxes of several trackers, and failures", _TRACKERS, fig8_9.make),
        _comparison(
            "fig10", "Fig. 10: expected average overlap", (*RUNS, "boxes", "weights", "tracker"), fig10.make, fig10.plan
        ),
    )
}
