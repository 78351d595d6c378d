"""RAR: learning reinforced attentional representation for end-to-end visual tracking, in MXNet/Gluon."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any, List

from rar_gluon.cuda import load_libraries
from rar_gluon.processes import outlive_forks, set_threads

if TYPE_CHECKING:
    from rar_gluon.common import InputError
    from rar_gluon.config import Config
    from rar_gluon.config import load as load_config
    from rar_gluon.evaluation.evaluate import evaluate
    from rar_gluon.evaluation.score import score
    from rar_gluon.filter.layer import CorrelationFilter, correlation_response
    from rar_gluon.tracking.tracker import Tracker


def _physical_cores() -> int:
    """Count the physical cores this process may use (Linux; elsewhere the logical ones)."""
    try:
        logical = os.sched_getaffinity(0)
    except AttributeError:  # not Linux
        return os.cpu_count() or 1
    siblings = set()
    for cpu in logical:
        try:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as file:
                siblings.add(file.read())
        except OSError:
            siblings.add(str(cpu))
    return len(siblings)


# Both are read once, when mxnet is imported; a user's own value stays. Unset, MXNet 1.9.1 uses one core; and threads
# that spin while they wait make it ten times slower as soon as another process wants a core.
set_threads(_physical_cores())
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Likewise for cv2 and its decoder, which print what they think of a broken file; we say it in one sentence ourselves.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

load_libraries()  # before mxnet, too
outlive_forks()

__version__ = "1.0.0"

# The public interface; each is imported when it is first asked for, since MXNet takes seconds.
_PUBLIC = {
    "Config": "rar_gluon.config:Config",
    "CorrelationFilter": "rar_gluon.filter.layer:CorrelationFilter",
    "InputError": "rar_gluon.common:InputError",
    "Tracker": "rar_gluon.tracking.tracker:Tracker",
    "correlation_response": "rar_gluon.filter.layer:correlation_response",
    "evaluate": "rar_gluon.evaluation.evaluate:evaluate",
    "load_config": "rar_gluon.config:load",
    "score": "rar_gluon.evaluation.score:score",
}
__all__ = [
    "Config",
    "CorrelationFilter",
    "InputError",
    "Tracker",
    "correlation_response",
    "evaluate",
    "load_config",
    "score",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].partition(":")
    value = globals()[name] = getattr(importlib.import_module(module), attribute)
    return value


def __dir__() -> List[str]:
    return sorted({*globals(), *_PUBLIC})
