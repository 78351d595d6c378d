"""Prepared records: what `rar prepare` writes, verified, and read at random for training.

OUT/prepare.json holds the settings; OUT/shards/NAME.rec and .idx the pictures of one sequence or snippet, NAME.json
what they show, written last; OUT/index.json joins those, written when all are done. Every picture has a checksum
(`sums`), and so has each NAME.json (`seal`), also in the index: a bit that flips is found, and cut again.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import threading
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Dict, List, Tuple

import cv2
import numpy as np
from mxnet.base import MXNetError
from mxnet.recordio import MXIndexedRecordIO

from rar_gluon.common import InputError, read_json
from rar_gluon.config import Config
from rar_gluon.geometry import Box
from rar_gluon.provenance import file_hash

JITTER = 1.1  # assumed: ours; how much larger the region is than the windows that training cuts from it
OPEN_READERS = 64  # of thousands of shards; each holds two files
OTHER_FILES = 48  # that a training has open
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, MXNetError)  # of records


def shard_file(out: Path, name: str, suffix: str) -> Path:
    """Where a part of a shard is; no name leads out of the folder."""
    return out / "shards" / f"{name.replace('/', '__')}.{suffix}"


def seal(shard: Dict) -> Dict:
    """Add the checksum of all that a shard says of itself."""
    return {**shard, "seal": _seal_of(shard)}


def _seal_of(shard: Dict) -> int:
    content = {key: value for key, value in shard.items() if key != "seal"}
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def read_shard(out: Path, name: str) -> Dict | None:
    """What a shard's JSON says, or None unless the shard is complete and every record of it is as it was written."""
    try:
        shard = json.loads(shard_file(out, name, "json").read_text(encoding="utf-8"))
        if shard["name"] != name or not _is_whole(out, shard):
            return None
        sums = {key: value for track in shard["tracks"] for key, value in zip(track["keys"], track["sums"])}
        reader = _open_shard(out, name)
        try:
            intact = sorted(sums) == sorted(reader.keys) and len(sums) == shard["counts"]["kept"]
            intact = intact and all(zlib.crc32(reader.read_idx(key)) == sums[key] for key in sums)
        finally:
            reader.close()
    except UNREADABLE:
        return None
    return shard if intact else None


def _is_whole(out: Path, shard: Dict) -> bool:
    """Tell whether a shard says what it said when it was written, and its files are there."""
    record, index = (shard_file(out, shard["name"], suffix) for suffix in ("rec", "idx"))
    sealed = shard["seal"] == _seal_of(shard) and all(map(_is_consistent, shard["tracks"]))
    return sealed and record.is_file() and index.is_file() and record.stat().st_size == shard["size"]


def _is_consistent(track: Dict) -> bool:
    """Tell whether a track has one key, sum and box for each of its frames, and these make sense."""
    frames, keys, boxes = (np.array(track[name], float) for name in ("frames", "keys", "boxes"))
    boxes = boxes.reshape(-1, 4)
    fits = len(frames) == len(keys) == len(boxes) == len(track["sums"]) and isinstance(track["name"], str)
    return fits and bool((np.diff(frames) > 0).all() and np.isfinite(boxes).all() and (boxes[:, 2:] > 0).all())


def _check_access(*paths: Path) -> None:
    """Raise `InputError` for a file that may not be opened, or not now: it may be whole."""
    for path in paths:
        try:
            path.open("rb").close()
        except ValueError:  # a name that is none
            continue
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE):
                raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def _most_readers() -> int:
    """Shards to hold open: `OPEN_READERS`, or fewer where the process may open few files."""
    return max(1, min(OPEN_READERS, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHER_FILES) // 2))


def _open_shard(out: Path, name: str) -> MXIndexedRecordIO:
    return MXIndexedRecordIO(str(shard_file(out, name, "idx")), str(shard_file(out, name, "rec")), "r")


def _decode(record: bytes) -> np.ndarray | None:
    return cv2.imdecode(np.frombuffer(record, np.uint8), cv2.IMREAD_COLOR)


class RecordTracks:
    """Tracks of a prepared folder, those with at least two pictures, read at random.

    Safe to use from threads, and picklable.

    Attributes
    ----------
    names : of the tracks.
    identity : hash of the index, which is another when any record is.

    Raises
    ------
    InputError
        The folder is not prepared, not finished, or damaged.
    """

    def __init__(self, folder: str | os.PathLike):
        self._folder = Path(folder)
        index = self._folder / "index.json"
        if not index.is_file():
            raise InputError(f"{self._folder} holds no index.json: prepare it with rar prepare, to its end.")
        self.identity = file_hash(index)
        self.names: List[str] = []
        self._shards: List[str] = []
        self._frames, self._keys, self._sums, self._boxes = [], [], [], []
        try:
            self._settings = read_json(self._folder / "prepare.json")
            shards = read_json(index)["shards"]
        except (InputError, LookupError) as error:
            _check_access(self._folder / "prepare.json", index)
            raise InputError(f"{self._folder} is damaged, or of an earlier version: run rar prepare again.") from error
        for position, shard in enumerate(shards):
            try:
                intact = _is_whole(self._folder, shard)
            except UNREADABLE:
                intact = False
            if not intact:
                name = shard.get("name", position) if isinstance(shard, dict) else position
                _check_access(*(shard_file(self._folder, str(name), suffix) for suffix in ("rec", "idx")))
                raise InputError(f"the records of {name} in {folder} are damaged: run rar prepare again.")
            for track in shard["tracks"]:
                if len(track["keys"]) >= 2:
                    self.names.append(track["name"])
                    self._shards.append(shard["name"])
                    self._frames.append(np.array(track["frames"]))
                    self._keys.append(np.array(track["keys"]))
                    self._sums.append(np.array(track["sums"]))
                    self._boxes.append(np.array(track["boxes"]))
        self._readers, self._lock = OrderedDict(), threading.Lock()

    def __len__(self) -> int:
        return len(self.names)

    def check_fit(self, config: Config) -> None:
        """Raise `InputError` where the pictures show less than the windows that a training with `config` cuts."""
        tracking, training = config.tracking, config.training
        prepared = {"window": "square", **self._settings}
        for name in ("padding", "window"):
            if prepared.get(name) != getattr(tracking, name):
                raise InputError(
                    f"{self._folder} was prepared with {name} {prepared.get(name)}, and tracking.{name} is "
                    f"{getattr(tracking, name)}: prepare it with --{name} {getattr(tracking, name)}."
                )
        if not isinstance(prepared.get("side"), int) or prepared["side"] < tracking.input_size:
            raise InputError(
                f"{self._folder} was prepared with side {prepared.get('side')}, less than tracking.input_size "
                f"{tracking.input_size}: prepare it with --side {tracking.input_size}."
            )
        window = (1 + tracking.padding) / 2  # from its centre, in target sizes
        if window * (1 + training.scale_jitter) + training.shift_jitter > (window + 1) * JITTER:
            raise InputError(
                f"training.shift_jitter {training.shift_jitter} and scale_jitter {training.scale_jitter} reach beyond "
                f"the pictures of {self._folder}: lower them."
            )

    def frames(self, track: int) -> np.ndarray:
        """Numbers, ascending and from 0, of the frames that a track has pictures of."""
        return self._frames[track]

    def picture(self, track: int, index: int) -> Tuple[np.ndarray, Box]:
        """Picture (H, W, 3), BGR uint8, of the index-th of these frames, and the box in its pixels."""
        shard, key = self._shards[track], int(self._keys[track][index])
        try:
            with self._lock:  # a reader has one position; decoding, which takes the time, needs no lock
                record = self._reader(shard).read_idx(key)
            picture = _decode(record) if zlib.crc32(record) == self._sums[track][index] else None
        except (*UNREADABLE, cv2.error):
            picture = None
        if picture is None:
            _check_access(*(shard_file(self._folder, shard, suffix) for suffix in ("rec", "idx")))
            raise InputError(f"{self._folder}: record {key} of {shard} is damaged: run rar prepare again.")
        return picture, tuple(self._boxes[track][index].tolist())

    def _reader(self, shard: str) -> MXIndexedRecordIO:
        """Open a shard, or find it among the `OPEN_READERS` that were used last."""
        if shard not in self._readers:
            if len(self._readers) >= _most_readers():
                self._readers.popitem(last=False)[1].close()
            self._readers[shard] = _open_shard(self._folder, shard)
        self._readers.move_to_end(shard)
        return self._readers[shard]

    def __getstate__(self) -> Dict:
        return {**self.__dict__, "_readers": OrderedDict(), "_lock": None}

    def __setstate__(self, state: Dict) -> None:
        self.__dict__.update(state, _lock=threading.Lock())
