"""What a training writes down: log.csv, validation.csv, and the same for TensorBoard."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Dict, List, Mapping

from rar_gluon.common import InputError, write_text
from rar_gluon.training.events import EventWriter

LOG = ("step", "epoch", "loss", "learning_rate", "images_per_second")


class Journal:
    """The records of one training, continued at `step`: what was written of later steps, and lost, is removed.

    `judged` is the step of the last validation, -1 before the first.
    """

    def __init__(self, folder: Path, step: int):
        self._log, self._validation = folder / "log.csv", folder / "validation.csv"
        _keep_rows(self._log, step)
        validations = _keep_rows(self._validation, step)
        self.judged = int(validations[-1]["step"]) if validations else -1
        self._events = EventWriter(folder / "events", start=step + 1 if step > 0 else None)

    def step(self, step: int, epoch: int, loss: float, learning_rate: float, images_per_second: float) -> None:
        """Write one step's line."""
        values = (step, epoch, f"{loss:.6g}", f"{learning_rate:.6g}", f"{images_per_second:.4g}")
        self._append(self._log, dict(zip(LOG, values)))
        for tag, value in (("loss", loss), ("learning_rate", learning_rate), ("images_per_second", images_per_second)):
            self._events.scalar(f"training/{tag}", value, step)

    def validation(self, epoch: int, step: int, numbers: Mapping[str, float]) -> None:
        """Write one validation's line; `numbers` have the same names each time."""
        self._append(self._validation, {"epoch": epoch, "step": step, **{k: f"{v:.6g}" for k, v in numbers.items()}})
        for name, value in numbers.items():
            self._events.scalar(f"validation/{name}", value, step)
        self._events.flush()
        self.judged = step

    def close(self) -> None:
        self._events.close()

    @staticmethod
    def _append(path: Path, row: Dict) -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write(_as_csv([row], header=file.tell() == 0))


def read_rows(path: Path) -> List[Dict[str, str]]:
    """Rows of a log; a last line that was cut off by a crash is left out. `InputError` when it is no log."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    try:
        rows = list(csv.DictReader(line for line in lines if line.endswith("\n")))
    except csv.Error:  # a NUL, before Python 3.11
        rows = [{}]
    if any(not row.get("step", "").isdecimal() or None in row.values() or None in row for row in rows):
        raise InputError(f"{path} is no log of a training: remove it, or give another --output.")
    return rows


def _keep_rows(path: Path, step: int) -> List[Dict[str, str]]:
    """Remove the rows of later steps from a log, and the log when none is left; returns those that stay."""
    rows = [row for row in read_rows(path) if int(row["step"]) <= step] if path.is_file() else []
    if rows:
        write_text(path, _as_csv(rows, header=True))
    else:
        path.unlink(missing_ok=True)
    return rows


def _as_csv(rows: List[Dict], header: bool) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
