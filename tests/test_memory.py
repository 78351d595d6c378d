import subprocess
import sys

import pytest

PROGRAM = """
import ctypes
calls = []
real = ctypes.CDLL
class Library:
    def __init__(self, name): self.name = name
    def mallopt(self, parameter, value): calls.append(parameter)
ctypes.CDLL = lambda name, *more, **options: Library(name) if name is None else real(name, *more, **options)
{}
print(calls)
"""
CALL = "from rar_gluon.memory import keep_freed_memory; keep_freed_memory()"


@pytest.mark.parametrize(
    "code, environment, printed",
    [
        ("import rar_gluon", {}, "[]"),  # a host program's malloc is its own
        (CALL, {}, "[-1, -4, -8]"),
        (CALL, {"MALLOC_ARENA_MAX": "2"}, "[]"),  # and so is a user's choice
    ],
)
def test_malloc_is_set_when_it_is_asked_for(code, environment, printed, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = subprocess.run([sys.executable, "-c", PROGRAM.format(code)], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == printed
