"""Curate a dataset once into RecordIO, for training: `rar prepare` (data/records.py says what it writes)."""

from __future__ import annotations

import json
import math
import os
import time
import traceback
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Tuple
from typing import Sequence as ListOf

import cv2
import joblib
import numpy as np
from mxnet.base import MXNetError
from mxnet.recordio import MXIndexedRecordIO

from rar_gluon import geometry
from rar_gluon.common import (
    InputError,
    atomic_path,
    in_this_folder,
    output_folder,
    owned,
    progress,
    read_json,
    write_text,
)
from rar_gluon.config import TrackingConfig
from rar_gluon.data import otb
from rar_gluon.data.datasets import DATASETS, PREPARED
from rar_gluon.data.frames import ImageFolder
from rar_gluon.data.records import JITTER, read_shard, seal, shard_file
from rar_gluon.data.sequence import Sequence, content_hash
from rar_gluon.geometry import Box

QUALITY = 90  # assumed: ours; of the JPEGs
MIN_SIDE = 4.0  # assumed: ours; pixels of the frame, a box with a shorter side shows nothing to learn from
LARGEST = 1e6  # pixels of a target's side: beyond, sums of its window are no longer exact
MIN_VISIBLE = 0.5  # assumed: ours; part of the box that must lie on the frame

LEFT_OUT = {
    "tiny": f"the box has a side below {MIN_SIDE:g} pixels",
    "outside": "less than half of the box is on the frame",
    "broken": "the image cannot be read",
}


@dataclass(frozen=True)
class Summary:
    """What `prepare` made.

    Attributes
    ----------
    out : the folder.
    shards : number of sequences or snippets in it.
    counts : frames looked at; objects (a target's box in a frame) in them, of these kept, tiny, outside, broken
        (`LEFT_OUT`); absent: targets without a box in a frame.
    size : bytes on disk.
    made, seconds : objects kept by this call, without what was done before, and its time.
    problems : names of the shards that objects were left out of.
    failures : a sentence for each sequence that could not be read at all.
    """

    out: Path
    shards: int
    counts: Dict[str, int]
    size: int
    made: int
    seconds: float
    problems: Tuple[str, ...]
    failures: Tuple[str, ...]

    def text(self) -> str:
        """Printable."""
        counts = self.counts
        lines = [
            f"{self.out}: {self.shards} sequences, {counts['frames']} frames, {self.size / 1e6:.1f} MB",
            f"  {counts['kept']} of {counts['objects']} objects kept; {counts['absent']} times a target is absent",
            *(f"  {counts[reason]} left out: {words}" for reason, words in LEFT_OUT.items() if counts[reason]),
            f"  {self.made} objects in {self.seconds:.0f} s now: {self.made / max(self.seconds, 1e-9):.0f} objects/s",
        ]
        if self.problems:
            lines.append(f"  {len(self.problems)} sequences with problems, listed in {self.out / 'problems.txt'}")
        return "\n".join(lines + [f"  NOT prepared: {failure}" for failure in self.failures])


def prepare(
    dataset: str,
    root: str | os.PathLike,
    out: str | os.PathLike,
    side: int = 255,
    every: int = 1,
    split: str = "train",
    sequences: ListOf[str] | None = None,
    exclude: ListOf[str] = (),
    workers: int = 1,
    padding: float = TrackingConfig.padding,
    window: str = TrackingConfig.window,
) -> Summary:
    """Cut the region around every target of a dataset and pack them into records; goes on where it was interrupted.

    Parameters
    ----------
    dataset : of `PREPARED`: "folder" (any folder of sequences), "vid" (ILSVRC VID), or one of OTB's.
    root, out : where the dataset is, where the records go.
    side : pixels that a search window gets in the records, unless the frame has fewer.
    every : take each `every`-th frame.
    split : of VID, "train" or "val".
    sequences, exclude : names of the sequences (VID: snippets) to take (None: all) and to leave out.
    workers : processes.
    padding, window : of the search window, as in the configuration.

    Raises
    ------
    InputError
        The dataset has no such sequences, a number makes no sense, `out` was prepared with other settings or without
        what is not excluded now, or another process writes into it.
    """
    for option, value, least in (("--side", side, 16), ("--every", every, 1), ("--workers", workers, 1)):
        if value < least:
            raise InputError(f"{option} is {value}, but at least {least} is needed.")
    TrackingConfig(padding=padding, window=window)  # says what cannot be
    if Path(root).resolve() in (Path(out).resolve(), *Path(out).resolve().parents):
        raise InputError(f"{out} is in {root}, where it would be taken for a sequence: give a folder elsewhere.")
    if dataset not in PREPARED:
        raise InputError(f"'{dataset}' is no dataset that can be prepared: choose {' or '.join(PREPARED)}.")
    names = _chosen(DATASETS[dataset].units(root, split), sequences, exclude, root)
    settings = {
        "dataset": dataset,
        "split": split if dataset == "vid" else None,
        "side": side,
        "every": every,
        "padding": padding,
        "window": window,
        "quality": QUALITY,
    }
    with owned(output_folder(out)):
        out = Path(out)
        _keep_settings(out / "prepare.json", settings, names, exclude, sequences or ())
        return _make_shards(root, names, out, settings, workers)


def _make_shards(root: str | os.PathLike, names: List[str], out: Path, settings: Dict, workers: int) -> Summary:
    """Write the shards that are missing, and the index of all."""
    (out / "index.json").unlink(missing_ok=True)  # until all is done
    start = time.perf_counter()
    shards = {name: _usable_shard(root, name, out, settings) for name in names}  # verifies every record
    missing = [name for name in names if shards[name] is None]
    if len(missing) < len(names):
        print(f"{out}: {len(names) - len(missing)} of {len(names)} sequences are done already")
    jobs = (joblib.delayed(in_this_folder(_make_shard))(root, name, out, settings) for name in missing)
    failures = {}
    with progress(total=len(missing), unit="sequence", desc=out.name) as bar:
        for name, failure in joblib.Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)(jobs):
            failures.update({name: failure} if failure else {})
            bar.update()
    seconds = time.perf_counter() - start
    shards.update({name: read_shard(out, name) for name in missing})
    done = [shard for shard in shards.values() if shard is not None]
    for name in names:
        if shards[name] is None:
            failures.setdefault(name, f"{name}: its records cannot be read back; is the disk full?")
    write_text(out / "problems.txt", "".join(f"{line}\n" for shard in done for line in shard["problems"]))
    write_text(out / "index.json", json.dumps({"shards": done}))
    return Summary(
        out,
        len(done),
        {
            key: sum(shard["counts"][key] for shard in done)
            for key in ("frames", "objects", "absent", "kept", *LEFT_OUT)
        },
        sum(shard["size"] for shard in done),
        sum(shards[name]["counts"]["kept"] for name in missing if shards[name] is not None),
        seconds,
        tuple(shard["name"] for shard in done if shard["problems"]),
        tuple(failures[name] for name in sorted(failures)),
    )


def _chosen(names: List[str], include: ListOf[str] | None, exclude: ListOf[str], root: str | os.PathLike) -> List[str]:
    for name in (*(include or ()), *exclude):
        if name not in names:
            raise InputError(f"{root} holds no sequence named {name}: leave it out of --sequences and --exclude.")
    chosen = [name for name in names if (include is None or name in include) and name not in exclude]
    if not chosen:
        raise InputError(f"no sequence of {root} is left: change --sequences or --exclude.")
    return chosen


def _keep_settings(path: Path, settings: Dict, names: List[str], exclude: ListOf[str], named: ListOf[str]) -> None:
    """Write prepare.json, or check that the one there is the same.

    What a call has excluded is kept there: a later one that takes it back must name it, or `InputError` says so.
    """
    excluded = set(exclude)
    if path.is_file():
        try:
            old = {"window": "square", "exclude": [], **read_json(path)}  # which all were before there was a choice
        except InputError as error:
            raise InputError(f"{error} Remove it and run rar prepare again.") from None
        changed = [key for key, value in settings.items() if old.get(key) != value]
        if changed:
            raise InputError(
                f"{path.parent} was prepared with {changed[0]} {old.get(changed[0])}, not {settings[changed[0]]}: "
                "give another folder, or remove it."
            )
        back = sorted(set(old["exclude"]) & set(names) - set(named))
        if back:
            raise InputError(
                f"{path.parent} was prepared without {otb.summary(back)}: give --exclude {','.join(back)} again, or "
                "another folder."
            )
        excluded |= set(old["exclude"]) - set(named)
    write_text(path, json.dumps({**settings, "exclude": sorted(excluded)}, indent=1) + "\n")


def _usable_shard(root: str | os.PathLike, name: str, out: Path, settings: Dict) -> Dict | None:
    """The shard of a sequence that is whole, and of the data that now has this name; None: it must be made."""
    shard = read_shard(out, name)
    if shard is None or "source" not in shard:  # of an earlier version
        return shard
    try:
        return shard if shard["source"] == content_hash(DATASETS[settings["dataset"]].load_unit(root, name)) else None
    except InputError:
        return None  # making it says why


def _make_shard(root: str | os.PathLike, name: str, out: Path, settings: Dict) -> Tuple[str, str]:
    """Write the shard of one sequence; a failure is returned, not raised, so that the others go on."""
    try:
        sequences = DATASETS[settings["dataset"]].load_unit(root, name)
        record, index = shard_file(out, name, "rec"), shard_file(out, name, "idx")
        with atomic_path(record) as new_record, atomic_path(index) as new_index:
            writer = MXIndexedRecordIO(str(new_index), str(new_record), "w")
            shard = {"name": name, "source": content_hash(sequences), **_write_objects(writer, sequences, settings)}
            writer.close()
        shard["size"] = record.stat().st_size
        write_text(shard_file(out, name, "json"), json.dumps(seal(shard)))  # last: its presence means the shard is done
    except InputError as error:
        return name, str(error)
    except MXNetError as error:  # the writer of records says no more than that it could not
        return name, f"the records of {name} cannot be written ({str(error).splitlines()[-1]}): is the disk full?"
    except Exception:  # whatever a library makes of a strange file, the others go on and the user reads it at the end
        return name, f"{name}: {traceback.format_exc()}"
    return name, ""


def _write_objects(writer: MXIndexedRecordIO, sequences: List[Sequence], settings: Dict) -> Dict:
    """Write a record for each usable object; gives the shard's tracks, counts and problems."""
    numbers = range(0, len(sequences[0]) if sequences else 0, settings["every"])
    boxes = [sequence.pixel_boxes for sequence in sequences]
    tracks = [
        {"name": s.name, "attributes": s.attributes, "frames": [], "keys": [], "boxes": [], "sums": []}
        for s in sequences
    ]
    left_out = [{reason: [] for reason in LEFT_OUT} for _ in sequences]
    todo, absent = {}, 0  # frame number: its usable tracks
    for track, rows in enumerate(boxes):
        for number in numbers:
            if not np.isfinite(rows[number]).all():
                absent += 1
            elif rows[number, 2:].min() < MIN_SIDE:
                left_out[track]["tiny"].append(number)
            else:
                todo.setdefault(number, []).append(track)
    problems, key = [], 0
    for number, frame in _decoded(sequences[0].frames, sorted(todo), problems) if todo else ():
        for track in todo.pop(number):
            box = boxes[track][number]
            if visible(box, frame.shape) < MIN_VISIBLE:
                left_out[track]["outside"].append(number)
                continue
            picture, inside = cut_region(frame, box, settings["side"], settings["padding"], settings["window"])
            record = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
            writer.write_idx(key, record)
            tracks[track]["sums"].append(zlib.crc32(record))
            tracks[track]["frames"].append(number)
            tracks[track]["keys"].append(key)
            tracks[track]["boxes"].append([round(value, 3) for value in inside])
            key += 1
    for number in sorted(todo):
        for track in todo[number]:
            left_out[track]["broken"].append(number)
    for sequence, reasons in zip(sequences, left_out):
        problems += [
            f"{sequence.name}: {len(missed)} boxes left out because {LEFT_OUT[reason]}, the first in frame {missed[0]}."
            for reason, missed in reasons.items()
            if missed
        ]
    objects = len(numbers) * len(sequences) - absent
    counts = {"frames": len(numbers), "objects": objects, "absent": absent, "kept": key}
    counts.update({reason: sum(len(reasons[reason]) for reasons in left_out) for reason in LEFT_OUT})
    return {"counts": counts, "problems": problems, "tracks": tracks}


def _decoded(frames, numbers: ListOf[int], problems: List[str]) -> Iterator[Tuple[int, np.ndarray]]:
    """Decode the frames of these numbers, each once; what cannot be read is left out and told in `problems`."""
    shape = None
    for number, frame in _read_each(frames, numbers, problems):
        if shape is not None and frame.shape != shape:
            problems.append(f"{frames.name}: frame {number} has another size than the frames before it.")
            continue
        shape = frame.shape
        yield number, frame


def _read_each(frames, numbers: ListOf[int], problems: List[str]) -> Iterator[Tuple[int, np.ndarray]]:
    if isinstance(frames, ImageFolder):
        for number in numbers:
            try:
                yield number, frames[number]
            except InputError as error:
                problems.append(str(error))
        return
    chosen, number = set(numbers), -1
    for number, frame in zip(range(numbers[-1] + 1), frames):
        if number in chosen:
            yield number, frame
    if number < numbers[-1]:
        problems.append(f"{frames.name}: only {number + 1} of its frames can be decoded.")


def visible(box: ListOf[float], shape: ListOf[int]) -> float:
    """Part of a box (x, y, w, h) that lies on a frame of `shape` (H, W, ...), 0 to 1."""
    x, y, w, h = box
    height, width = shape[:2]
    parts = (min(x + w, width) - max(x, 0)) / w, (min(y + h, height) - max(y, 0)) / h
    return min(1.0, max(0.0, parts[0])) * min(1.0, max(0.0, parts[1]))


def cut_region(
    frame: np.ndarray, box: ListOf[float], side: int, padding: float, window: str = "per-axis"
) -> Tuple[np.ndarray, Box]:
    """Cut out of a frame (H, W, 3) all that training needs around a box: the picture, and the box in its pixels.

    These are the search window and one target size around it, for contexts and displacements, times `JITTER`. The
    search window gets `side` pixels, or as many as it has in the frame if those are fewer. The picture ends where the
    frame ends: `geometry.crop` repeats the border of the one as of the other.

    Raises
    ------
    InputError
        The region has no part on the frame, or the box no usable size.
    """
    x, y, w, h = box
    if not MIN_SIDE / 2 <= min(w, h) <= max(w, h) <= LARGEST:
        raise InputError(f"a target of {w:g}x{h:g} pixels is none to cut out: leave it out.")
    search = geometry.window_of(box, padding, window)
    widest = max(search.width, search.height)
    half = (widest / 2 + max(w, h)) * JITTER
    left, top = max(math.floor(search.cx - half), 0), max(math.floor(search.cy - half), 0)
    region = frame[top : math.ceil(search.cy + half), left : math.ceil(search.cx + half)]
    height, width = region.shape[:2]
    if not region.size:
        numbers_text = ",".join(f"{value:g}" for value in box)
        raise InputError(f"the box {numbers_text} is far outside of its frame: leave it out.")
    scale = min(1.0, side / min(search.width, search.height))
    size = math.ceil(width * scale), math.ceil(height * scale)
    zx, zy = size[0] / width, size[1] / height
    return cv2.resize(region, size, interpolation=cv2.INTER_AREA), ((x - left) * zx, (y - top) * zy, w * zx, h * zy)
