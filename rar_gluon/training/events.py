"""Scalars for TensorBoard: its event files, written without TensorFlow.

tensorboardX and mxboard do the same, but need protobuf, which training needs for nothing else (mxboard one before
version 4, six and Pillow, too). A file is a sequence of records (TFRecord),
each a protocol buffer `Event`; of these messages only the few fields below are needed:

    Event    1 wall_time double, 2 step int64, 3 file_version string, 5 summary Summary, 7 session_log SessionLog
    Summary  1 value, each: 1 tag string, 2 simple_value float          SessionLog  1 status enum, 1 is START
"""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path


def _crc_table() -> list:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = _crc_table()
START = b"\x08\x01"


class EventWriter:
    """Scalars of one run, each on its way to the file at once.

    A run that is resumed makes a second file in the same folder; TensorBoard reads them in the order of their names.

    Parameters
    ----------
    folder : is made.
    start : first step that will be written: what earlier files of the folder hold of it and of later ones is void.
    """

    def __init__(self, folder: Path, start: int | None = None):
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{_later(folder):017.6f}.{socket.gethostname()}"
        self._file = open(folder / name, "xb", buffering=0)  # noqa: SIM115
        self._write(_bytes(3, b"brain.Event:2"))
        if start is not None:
            self._write(_integer(2, start) + _bytes(7, START))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Write one value, as float32; a / in the tag groups."""
        summary = _bytes(1, _bytes(1, tag.encode()) + b"\x15" + struct.pack("<f", value))
        self._write(_integer(2, step) + _bytes(5, summary))

    def flush(self) -> None:
        """Wait until all is on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def _write(self, event: bytes) -> None:
        data = b"\x09" + struct.pack("<d", time.time()) + event
        length = struct.pack("<Q", len(data))
        self._file.write(length + _check(length) + data + _check(data))


def _later(folder: Path) -> float:
    """Time, but later than that of any file in the folder: the clock may have been set back since."""
    names = (path.name.split("tfevents.")[1][:17] for path in folder.glob("events.out.tfevents.*"))
    return max([time.time(), *(float(name) + 1e-3 for name in names if name.replace(".", "", 1).isdigit())])


def crc32c(data: bytes) -> int:
    """Cyclic redundancy check with Castagnoli's polynomial (RFC 3720, B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _check(data: bytes) -> bytes:
    """The check as TFRecord masks it: rotated and shifted, since records may hold checks themselves."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _integer(field: int, value: int) -> bytes:
    return bytes([field << 3]) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    parts = []
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
