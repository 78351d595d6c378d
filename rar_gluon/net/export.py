"""The network as MXNet's own symbol and parameters; `rar export --format symbol`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import List

from mxnet import nd

from rar_gluon.common import atomic_path
from rar_gluon.net.inference import folded
from rar_gluon.net.rar import RAR

NAME = "network"


def export_symbol(net: RAR, folder: str | os.PathLike) -> List[Path]:
    """Write network-symbol.json and network-0000.params, as `SymbolBlock.imports` reads them; returns the files.

    They take images (B, 3, H, W) of every size, BGR 0-255, as `image`, and the state as `state0`, `state1`, …

    Raises
    ------
    OSError
        The files cannot be written.
    """
    graph = folded(net)
    used = {name: nd.array(graph.value(name)) for name in graph.symbol.list_inputs() if name in graph.parameters}
    files = [Path(folder, f"{NAME}-symbol.json"), Path(folder, f"{NAME}-0000.params")]
    content = json.dumps(json.loads(graph.symbol.tojson(remove_amp_cast=False)), indent=1)
    with atomic_path(files[0]) as temporary:
        temporary.write_text(content, encoding="utf-8")
    with atomic_path(files[1]) as temporary:
        nd.save(str(temporary), {f"arg:{name}": array for name, array in used.items()})
    return files
