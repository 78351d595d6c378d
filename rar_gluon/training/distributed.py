"""Several devices or machines that make the same update: MXNet's KVStore, and what it needs around it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator

import mxnet as mx
from mxnet.base import _LIB, check_call

from rar_gluon.common import InputError

STORES = ("local", "device", "dist_sync", "dist_device_sync")  # that make the same update on every worker


@contextmanager
def kvstore(name: str) -> Iterator[mx.kv.KVStore]:
    """Create a KVStore whose worker can fail: when the block raises, the process ends without waiting for the others.

    MXNet's distributed stores wait for all workers at the interpreter's exit, so a worker that raised would never end.
    `InputError` for an unknown one, for a distributed one outside of `launch`, and for another one within it, where
    every worker would train alone.
    """
    if name not in STORES:  # MXNet takes every name it does not know for local
        raise InputError(f"there is no KVStore {name}: choose {', '.join(STORES)}.")
    if name.startswith("dist") and "DMLC_ROLE" not in os.environ:
        raise InputError(f"the KVStore {name} needs its servers: start the command by rar launch -n WORKERS -- ...")
    workers = int(os.environ.get("DMLC_NUM_WORKER", 1)) if os.environ.get("DMLC_ROLE") == "worker" else 1
    if workers > 1 and not name.startswith("dist"):
        raise InputError(f"with --store {name} each of {workers} workers would train alone: give --store dist_sync.")
    store = mx.kv.create(name)
    check_call(_LIB.MXKVStoreSetBarrierBeforeExit(store.handle, 0))
    yield store
    check_call(_LIB.MXKVStoreSetBarrierBeforeExit(store.handle, 1))


def share_parameters(trainer: mx.gluon.Trainer) -> None:
    """Give every worker the first one's parameters, and wait until it has them.

    Left to the first step, as Trainer does it, a worker's pull of a parameter can be overtaken by its push of that
    parameter's gradient, and then brings back the gradient (MXNet 1.9.1, seen on a busy machine). And copies are sent,
    because a forward pass leaves weights in oneDNN's layout, which a store fails to send, silently.
    """
    if not trainer._kv_initialized:
        trainer._init_kvstore()
    store = trainer._kvstore
    if store is None or not store.type.startswith("dist"):
        trainer._init_params()
    else:
        for parameter in trainer._params_to_init:
            values = parameter.list_data()
            store.broadcast(trainer._param2idx[parameter.name], mx.nd.array(values[0].asnumpy()), values)
        trainer._params_to_init = []
    mx.nd.waitall()
