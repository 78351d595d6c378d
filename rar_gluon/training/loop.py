"""The training loop: Eq. 12 by stochastic gradient descent (Section 4.1), through the filter's backward (Section 3.3).

One device, several, or several machines through MXNet's KVStore: every worker takes its part of each batch, gradients
are summed, and all make the same update.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd
from tqdm import tqdm

from rar_gluon.common import InputError, Stopped, output_folder, owned, postponed_stop, progress, read_json, stoppable
from rar_gluon.config import Config, TrainingConfig, to_dict
from rar_gluon.data.clips import Clip, Clips, stack_clips
from rar_gluon.memory import keep_freed_memory
from rar_gluon.net.rar import RAR
from rar_gluon.net.weights import is_frozen, parameters, save_network
from rar_gluon.provenance import describe_run, keep_record
from rar_gluon.training import checkpoint
from rar_gluon.training.distributed import kvstore, share_parameters
from rar_gluon.training.journal import Journal
from rar_gluon.training.step import loss, representation_cells, responses, to_batch

AHEAD = 2  # batches that are cut while one is trained on
EXPLODED = 1e3  # a filter that answers nothing has a loss of ‖y‖², a few units: beyond this it does not come back


@dataclass(frozen=True)
class Options:
    """How a training runs; nothing here changes its result.

    Attributes
    ----------
    contexts : devices, the network is initialised on all of them.
    store : KVStore: "device" or "local" on one machine; "dist_sync" within `rar launch`, where the configuration's
        batch is that of all workers together.
    loaders : threads that cut clips.
    resume : go on from the last checkpoint, if there is one.
    keep : checkpoints that are kept.
    save_every : steps between them; there is also one at the end of each epoch and when interrupted.
    snapshots : steps after which the weights alone are kept too, as step-N.npz.
    """

    contexts: Sequence[mx.Context] = (mx.cpu(),)
    store: str = "local"
    loaders: int = 1
    resume: bool = False
    keep: int = 3
    save_every: int = 100
    snapshots: Sequence[int] = ()


def learning_rate(config: TrainingConfig, epoch: int) -> float:
    """Rate of an epoch, from the first one's to the last one's (Section 4.1), exponentially (assumed: EDCF)."""
    if config.epochs == 1 or config.learning_rate == 0:
        return config.learning_rate
    return config.learning_rate * (config.final_learning_rate / config.learning_rate) ** (epoch / (config.epochs - 1))


def steps_per_epoch(config: TrainingConfig) -> int:
    """Whole batches in an epoch, at least one."""
    return max(1, config.epoch_clips // config.batch)


def freeze(net: RAR, config: TrainingConfig) -> Dict[str, gluon.Parameter]:
    """Mark what is frozen, and the rates of backbone and attention; returns what is trained, by name.

    A frozen batch norm uses its stored statistics: MXNet gathers new ones in the backward pass, which it is not in.
    """
    for name, parameter in parameters(net).items():
        if is_frozen(name, config.frozen):
            parameter.grad_req = "null"
        elif name.startswith("backbone."):
            parameter.lr_mult = config.backbone_rate
        elif name.startswith("attention_"):
            parameter.lr_mult = config.attention_rate
    net.apply(_use_stored_statistics)
    return {name: parameter for name, parameter in parameters(net).items() if parameter.grad_req != "null"}


def _use_stored_statistics(block: gluon.Block) -> None:
    """Make a batch norm whose parameters are frozen compute as in tracking."""
    if isinstance(block, gluon.nn.BatchNorm) and block.gamma.grad_req == "null":
        block._kwargs["use_global_stats"] = True  # Gluon has no public way


def train(
    net: RAR,
    config: Config,
    clips: Clips,
    output: Path,
    validate: Callable[[RAR], Mapping[str, float]] | None = None,
    options: Options | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Train `net` into a folder: run.json, checkpoints/step-*.npz, last.npz, best.npz, log.csv, validation.csv, events.

    `validate` is called before the first step and after each epoch, and returns numbers; its `auc`, or the least `loss`
    where there is none, says which weights are best.npz. The loss is Eq. 12's, averaged over the batch. run.json says
    what all this depends on: the configuration, the data (`clips.provenance`) and `provenance`, the caller's part.

    Raises
    ------
    InputError
        `output` is no folder, or cannot be written; another process trains into it; it holds a training and is not to
        be resumed, or one without checkpoints, or with another configuration, data or start, or other results; the
        batch cannot be shared equally, or a device is named twice; the loss or a parameter is not finite, or the loss
        has exploded (with the step, its clips and the last good checkpoint).
    Stopped
        Ctrl-C, SIGHUP or SIGTERM, once the step that was under way is done and saved. During a validation SIGHUP and
        SIGTERM stop at once, and Ctrl-C raises `KeyboardInterrupt`: the step before it is saved.
    """
    options = options or Options()
    settings, checkpoints = config.training, output / "checkpoints"
    output_folder(output)
    keep_freed_memory()
    with kvstore(options.store) as store, nullcontext() if store.rank else owned(output):
        rank, workers = store.rank, store.num_workers
        check_shares(settings.batch, workers, options.contexts)
        existing = checkpoint.existing(checkpoints)
        if not existing and (output / "last.npz").is_file():
            raise InputError(f"{output} holds a training without its checkpoints: give another --output.")
        if existing and not options.resume:
            raise InputError(f"{output} holds a training already: --resume goes on with it; or give another --output.")
        if rank == 0:
            _keep_run(output, config, {"data": clips.provenance, **(provenance or {})}, bool(existing))
        if len(options.contexts) > 1:
            net.collect_params().reset_ctx(list(options.contexts))
        trained = freeze(net, settings)
        net.hybridize()  # not with static memory: MXNet 1.9.1 then returns wrong gradients for this network, silently
        sgd = {"learning_rate": settings.learning_rate, "momentum": settings.momentum, "wd": settings.weight_decay}
        trainer = gluon.Trainer(trained, "sgd", sgd, kvstore=store, update_on_kvstore=False)
        progress = {"step": 0, "best": float("-inf")}
        if existing:
            progress = checkpoint.load(existing[-1], net, trainer)
        share_parameters(trainer)
        run = _Run(net, trainer, config, output, options, validate, progress)
        written = int(progress["step"]) if existing else -1
        # An update that was cut in two could not be resumed. The first worker saves; the others go on, so that its
        # step can end, and `rar launch` ends them after it.
        ignoring = postponed_stop(heeded=False) if rank else nullcontext()
        with _journal(output if rank == 0 else None, written) as run.journal, ignoring, run.bar(rank) as bar:
            run.judge()
            while not run.done:
                _train_epoch(run, clips, rank, workers, bar)
                run.judge()
        if rank == 0:
            save_network(net, output / "last.npz", config=config)


def _keep_run(output: Path, config: Config, provenance: Mapping[str, Any], resumed: bool) -> None:
    """Write run.json, or check that what goes on is the training that it tells of."""
    path = output / "run.json"
    if resumed and not path.is_file():
        raise InputError(f"{output} has checkpoints but no run.json, which says what of: give another --output.")
    if not resumed and path.is_file():  # of a training that ended before its first checkpoint
        if "data" not in read_json(path):
            raise InputError(f"{path} is of something else than a training: give another --output.")
        path.unlink()
    described = describe_run(to_dict(config), None)
    del described["weights"]
    keep_record(path, {**described, **provenance}, ("config", *provenance))


@dataclass
class _Run:
    """A training under way; `progress` is its step and the best value of validation so far.

    `journal` is None on workers that write nothing.
    """

    net: RAR
    trainer: gluon.Trainer
    config: Config
    output: Path
    options: Options
    validate: Callable[[RAR], Mapping[str, float]] | None
    progress: Dict[str, float]
    journal: Journal | None = None

    @property
    def checkpoints(self) -> Path:
        return self.output / "checkpoints"

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        return steps_per_epoch(self.config.training) * self.config.training.epochs

    @property
    def done(self) -> bool:
        return self.progress["step"] >= self.total

    def bar(self, rank: int) -> tqdm:
        """The progress bar of all steps, on the first worker."""
        start = int(self.progress["step"])
        return progress(total=self.total, initial=start, unit="step", desc=self.output.name, disable=rank != 0)

    def save(self) -> None:
        """Write a checkpoint."""
        if self.journal is not None:
            path = checkpoint.path_of(self.checkpoints, int(self.progress["step"]))
            checkpoint.save(path, self.net, self.trainer, self.progress)
            checkpoint.prune(self.checkpoints, self.options.keep)

    def judge(self) -> None:
        """At the end of an epoch that is not judged yet, validate, and keep the network when it is the best so far.

        A signal stops the validation at once: the epoch is saved, and a resumed training judges it.
        """
        step = int(self.progress["step"])
        epoch, rest = divmod(step, steps_per_epoch(self.config.training))
        if rest or self.validate is None or self.journal is None or step == self.journal.judged:
            return
        with stoppable():
            numbers = self.validate(self.net)
        with postponed_stop() as asked:
            value = numbers["auc"] if "auc" in numbers else -numbers["loss"]
            if value > self.progress["best"]:
                self.progress["best"] = value
                save_network(self.net, self.output / "best.npz", config=self.config)
                if step:
                    self.save()
            self.journal.validation(epoch, step, numbers)  # last: it says that the epoch is judged
        if asked:
            raise Stopped(asked[0])

    def check(self, loss: float, clips: Clip, parameters_too: bool) -> None:
        """Raise `InputError` when the training has diverged."""
        if not loss < EXPLODED or (parameters_too and not finite(self.net)):
            last = checkpoint.existing(self.checkpoints)
            raise InputError(
                f"the training diverged at step {int(self.progress['step']) + 1}, with a loss of {loss:g} on clips of "
                f"{', '.join(sorted(set(clips.source)))}; the last good checkpoint is "
                f"{last[-1] if last else 'the start'}: lower training.learning_rate."
            )


def check_shares(batch: int, workers: int, contexts: Sequence[mx.Context]) -> None:
    """Raise `InputError` when a batch cannot be shared equally, or a device would take two parts of it."""
    if batch % (workers * len(contexts)):
        raise InputError(
            f"training.batch {batch} cannot be shared equally by {workers} workers with {len(contexts)} devices each: "
            "make it a multiple."
        )
    if len(set(contexts)) < len(contexts):
        raise InputError("a device is named twice: each can take one part of the batch.")


def _train_epoch(run: _Run, clips: Clips, rank: int, workers: int, bar: tqdm) -> None:
    """Take the steps that are left of an epoch, and save it; `Stopped` after a signal, once its step is saved."""
    settings, options = run.config.training, run.options
    start, share = int(run.progress["step"]), settings.batch // workers
    epoch = start // steps_per_epoch(settings)
    end, rate = (epoch + 1) * steps_per_epoch(settings), learning_rate(settings, epoch)
    run.trainer.set_learning_rate(rate)
    cells = representation_cells(run.net, run.config)
    numbers = (
        range(step * settings.batch + rank * share, step * settings.batch + (rank + 1) * share)
        for step in range(start, end)
    )
    before = time.perf_counter()
    with postponed_stop(heeded=rank == 0) as asked:
        try:
            for done, clip in enumerate(cut(clips, numbers, options.loaders), start + 1):
                value = update(run.net, run.trainer, clip, cells, run.config, options.contexts)
                due = done == end or done % options.save_every == 0 or bool(asked)
                run.check(value, clip, due)
                run.progress["step"] = done
                now = time.perf_counter()
                speed = images_per_clip(clip) * settings.batch / (now - before)
                before = now
                if run.journal is not None:
                    run.journal.step(done, epoch, value, rate, speed)
                bar.set_postfix_str(f"loss {value:.3f}, lr {rate:.1e}, {speed:.1f} images/s", refresh=False)
                bar.update()
                if done in options.snapshots and run.journal is not None:
                    save_network(run.net, snapshot_path(run.output, done), config=run.config)
                if due:
                    run.save()
                if asked:
                    raise Stopped(asked[0])
        finally:
            nd.waitall()  # a pending backward at exit hangs the interpreter


def snapshot_path(output: Path, step: int) -> Path:
    """Where the weights after a step go."""
    return output / f"step-{step}.npz"


def cut(clips: Clips, batches: Iterator[Sequence[int]], loaders: int) -> Iterator[Clip]:
    """Stacked clips of each batch of numbers, cut by threads while earlier ones are used."""
    with ThreadPoolExecutor(loaders) as pool:
        waiting: deque = deque()
        try:
            for numbers in batches:
                waiting.append([pool.submit(clips.__getitem__, number) for number in numbers])
                if len(waiting) > AHEAD:
                    yield stack_clips([future.result() for future in waiting.popleft()])
            while waiting:
                yield stack_clips([future.result() for future in waiting.popleft()])
        finally:
            for futures in waiting:
                for future in futures:
                    future.cancel()


def images_per_clip(clip: Clip) -> int:
    """Images that the network sees for each of stacked clips: T (1 + k) + 1."""
    return clip.templates.shape[1] * clip.templates.shape[2] + 1


def update(
    net: RAR,
    trainer: gluon.Trainer,
    clips: Clip,
    cells: Tuple[int, int],
    config: Config,
    contexts: Sequence[mx.Context],
) -> float:
    """One update on stacked clips; returns their mean loss before it."""
    count = len(clips.present) // len(contexts)
    losses = []
    parts = [Clip(*(array[i * count : (i + 1) * count] for array in clips)) for i in range(len(contexts))]
    batches = [to_batch(part, cells, config, ctx) for part, ctx in zip(parts, contexts)]
    with autograd.record():
        for batch in batches:
            losses.append(loss(responses(net, batch, config), batch.desired).sum())
    autograd.backward(losses)
    value = sum(float(item.asscalar()) for item in losses) / len(clips.present)
    trainer.allreduce_grads()
    trainer.update(config.training.batch)
    return value


def finite(net: RAR) -> bool:
    """Whether every parameter is: others are not worth a checkpoint."""
    return all(np.isfinite(parameter.list_data()[0].asnumpy()).all() for parameter in parameters(net).values())


@contextmanager
def _journal(folder: Path | None, step: int) -> Iterator[Journal | None]:
    """Open the journal, on the worker that writes."""
    if folder is None:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder, step)
    try:
        yield journal
    finally:
        journal.close()
