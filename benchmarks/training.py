"""Images a second of a training: its loader alone, its step alone, and the step over its convolutions' own time."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List

import numpy as np
import yaml

from benchmarks.alternate import Case, Route

LOCAL = Path(__file__).parents[1] / "experiments" / "sizes" / "local.yaml"
BATCHES = {"rar_thin without contexts": 16, "rar_thin": 16, "row 13, size local": 8}
CONVOLUTIONS = ("Convolution", "_backward_Convolution")
STEPS = 1


def cases(options) -> List[Case]:
    """Steps by configuration and threads, then loaders."""
    all_cases = []
    for name, batch in BATCHES.items():
        if options.short and name == "rar_thin":
            continue
        arguments = {"name": name, "batch": batch}
        for threads in options.threads:
            routes = [Route("step", "benchmarks.training:step", arguments, threads)]
            routes.append(Route("step, profiled", "benchmarks.training:profiled_step", arguments, threads))
            all_cases.append(Case(f"{name}, batch {batch}, {threads} threads", routes))
    sources = {"synthetic": None, **{Path(folder).name: folder for folder in options.records}}
    routes = [
        Route(f"{source}, {loaders} loaders", "benchmarks.training:loader", {"loaders": loaders, "records": folder})
        for source, folder in sources.items()
        for loaders in ((1,) if options.short else (1, 2))
    ]
    return [*all_cases, Case("loader alone, rar_thin", routes)]


def step(name: str, batch: int) -> Callable:
    """Forward, backward and update on clips of noise, cut already."""
    take, images = _step(name, batch)

    def run() -> dict:
        for _ in range(STEPS):
            take()
        return {"items": STEPS}

    return run


def profiled_step(name: str, batch: int) -> Callable:
    """The same under MXNet's profiler: its convolutions' own time, both ways, and the step's time over it."""
    from mxnet import profiler

    take, _ = _step(name, batch)

    def run() -> dict:
        # What the profiler is told to write it removes and makes anew: /dev/null would be gone, for everybody.
        with tempfile.TemporaryDirectory() as folder:
            profiler.set_config(profile_all=True, aggregate_stats=True, filename=str(Path(folder) / "profile.json"))
            profiler.set_state("run")
            start = time.perf_counter()
            for _ in range(STEPS):
                take()
            total = time.perf_counter() - start
            profiler.set_state("stop")
            spent = operators(profiler.dumps(reset=True))
        own = sum(spent.get(name, 0.0) for name in CONVOLUTIONS)
        return {"items": STEPS, "times": {"convolutions": own}, "values": {"step / convolutions": total / own}}

    return run


def loader(loaders: int, records: str | None) -> Callable:
    """Threads that cut clips and do nothing else."""
    from rar_gluon.config import load
    from rar_gluon.data.clips import training_clips
    from rar_gluon.training.loop import cut, images_per_clip

    config = load("rar_thin")
    clips = training_clips(config, {}, 1.0) if records is None else training_clips(config, {Path(records): 1.0})
    size, counter = config.training.batch, itertools.count()

    def run() -> dict:
        first = next(counter)
        numbers = [range(step * size, (step + 1) * size) for step in (2 * first, 2 * first + 1)]
        return {"items": sum(images_per_clip(clip) * size for clip in cut(clips, iter(numbers), loaders))}

    return run


def configuration(name: str, batch: int):
    """Configuration of a step by the name in `BATCHES`."""
    from rar_gluon.config import from_dict, load

    settings = {"training": {"batch": batch}}
    if name != "row 13, size local":
        without = {"filter": {"contexts": 0}} if name.endswith("without contexts") else {}
        return from_dict({**settings, **without}, base=load("rar_thin"))
    local = yaml.safe_load(LOCAL.read_text(encoding="utf-8"))["config"]
    local.pop("training")  # no step's time depends on it, and an old checkout may lack some of it
    return from_dict({**local, **settings}, base=load("rar"))


def _step(name: str, batch: int):
    """A function that takes one step, and the images in it."""
    import mxnet as mx
    from mxnet import gluon, nd

    from rar_gluon import geometry
    from rar_gluon.data.clips import Clip
    from rar_gluon.net.rar import build
    from rar_gluon.training.loop import freeze, update
    from rar_gluon.training.step import representation_cells

    config = configuration(name, batch)
    net = build(config.network)
    trained = freeze(net, config.training)
    cells = representation_cells(net, config)
    net.hybridize()
    trainer = gluon.Trainer(trained, "sgd", {"learning_rate": 1e-6, "momentum": 0.9}, update_on_kvstore=False)
    size, stride = config.tracking.input_size, config.network.stride
    larger = size + 2 * geometry.context_margin(size, stride, config.tracking.padding) * (config.filter.contexts > 0)
    rng = np.random.default_rng(0)
    templates = rng.integers(0, 256, (batch, 1, 1, larger, larger, 3), np.uint8)
    search = rng.integers(0, 256, (batch, size, size, 3), np.uint8)
    clip = Clip(templates, search, np.zeros((batch, 2)), np.ones(batch), ["noise"] * batch)

    def take() -> None:
        update(net, trainer, clip, cells, config, [mx.cpu()])
        nd.waitall()

    return take, 2 * batch


def operators(table: str) -> Dict[str, float]:
    """Seconds of each operator of the profiler's table; it lists some twice, under other headings."""
    spent = {}
    for line in table.splitlines():
        words = line.split()
        if len(words) >= 6 and words[1].isdigit():
            spent[words[0]] = float(words[2]) / 1000
    return spent
