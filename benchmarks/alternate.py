"""Routes to one result, measured in turn: what moves the machine moves all of them, and ratios stay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True)
class Route:
    """One way to a result.

    Attributes
    ----------
    name : what tables call it.
    target : module:function that prepares it (`worker`).
    arguments : keywords of that function, as JSON has them.
    threads : of the process.
    ours : the code under test, which another checkout has too.
    checkout : where `rar_gluon` comes from.
    """

    name: str
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1
    ours: bool = True
    checkout: Path = ROOT


@dataclass(frozen=True)
class Case:
    """What is measured by each of its routes, after `before` was called; ratios are to the first of them."""

    name: str
    routes: Sequence[Route]
    before: Callable[[], None] = lambda: None


class Worker:
    """The process of a route, ready to measure; `absent` says why it is not, in a sentence, else ""."""

    def __init__(self, route: Route):
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), str(route.checkout), route.target, json.dumps(dict(route.arguments))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(route.threads)},
        )

    def __enter__(self) -> Worker:
        self.absent = "" if self._process.stdout.readline() else self._last_words()
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def measure(self) -> Dict[str, Any]:
        """Measure once.

        Raises
        ------
        RuntimeError
            The process has ended.
        """
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(self._last_words())
        return json.loads(answer)

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else f"it ended with status {self._process.returncode}"


def with_checkout(case: Case, checkout: Path) -> Case:
    """Put each of our routes beside the same one in another checkout."""
    routes: List[Route] = []
    for route in case.routes:
        routes.append(route)
        if route.ours:
            name = f"{route.name}, {checkout.name}"
            routes.append(Route(name, route.target, route.arguments, route.threads, True, checkout))
    return Case(case.name, routes, case.before)


def alternate(case: Case, rounds: int) -> Dict[str, List[Dict[str, Any]]]:
    """Measure every route once a round, after a round that warms up and does not count: answers by route.

    A route that cannot be prepared or fails is left out, and standard error says why.
    """
    answers: Dict[str, List[Dict[str, Any]]] = {}
    case.before()
    with ExitStack() as stack:
        workers = {}
        for route in case.routes:
            worker = stack.enter_context(Worker(route))
            if worker.absent:
                _say(f"{case.name}: {route.name} is left out: {worker.absent}")
            else:
                workers[route.name] = worker
        for number in range(rounds + 1):
            for name, worker in list(workers.items()):
                try:
                    answer = worker.measure()
                except RuntimeError as error:
                    _say(f"{case.name}: {name} is left out: {error}")
                    del workers[name]
                    answers.pop(name, None)
                    continue
                _say(f"{case.name}: {name}, round {number} of {rounds}: {answer['cpu']:.4g} ms of the processor")
                if number:
                    answers.setdefault(name, []).append(answer)
    return answers


def left_out(case: Case, answers: Mapping[str, Any]) -> List[str]:
    """Sentences on our routes that gave no answer; what another checkout or a peer lacks is no fault of ours."""
    ours = [route.name for route in case.routes if route.ours and route.checkout == ROOT]
    return [f"{case.name}: {name} was left out; standard error says why." for name in ours if name not in answers]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
