import math
import struct

import pytest

from rar_gluon.training.events import EventWriter, crc32c


def records(path):
    """Payloads of a TFRecord file, their checks compared bit by bit with the definition."""
    data, payloads = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert data[8:12] == masked(data[:8])
        payloads.append(data[12 : 12 + length])
        assert data[12 + length : 16 + length] == masked(payloads[-1])
        data = data[16 + length :]
    return payloads


def masked(data):
    """Polynomial division, a bit at a time, then the rotation and the constant of TFRecord."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 * (crc & 1))
    crc ^= 0xFFFFFFFF
    return ((((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32).to_bytes(4, "little")


def fields(message):
    """Fields of a protocol buffer: number to value (bytes where a length is given)."""
    values = {}
    while message:
        key, message = varint(message)
        if key & 7 == 0:
            value, message = varint(message)
        elif key & 7 == 2:
            length, message = varint(message)
            value, message = message[:length], message[length:]
        else:
            size, form = {1: (8, "<d"), 5: (4, "<f")}[key & 7]
            (value,), message = struct.unpack(form, message[:size]), message[size:]
        values[key >> 3] = value
    return values


def varint(data):
    value = 0
    for index, byte in enumerate(data):
        value += (byte & 127) << 7 * index
        if byte < 128:
            return value, data[index + 1 :]
    raise AssertionError("cut off")


@pytest.mark.parametrize(
    "data, crc",
    [  # RFC 3720, B.4, and the usual check value
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_published_checks(data, crc):
    assert crc32c(data) == crc


def test_scalars(tmp_path):
    long_tag = "validation/" + "x" * 300
    writer = EventWriter(tmp_path / "events")
    written = [("training/loss", 1.5, 0), (long_tag, -2.25, 127), ("λ", math.inf, 128), ("a", 1e-3, 2**40)]
    for tag, value, step in written:
        writer.scalar(tag, value, step)
    (path,) = (tmp_path / "events").iterdir()
    assert path.name.startswith("events.out.tfevents.")
    before_closing = path.read_bytes()
    writer.flush()
    writer.close()
    assert path.read_bytes() == before_closing
    version, *events = (fields(record) for record in records(path))
    assert version[3] == b"brain.Event:2"
    assert len(events) == len(written)
    for event, (tag, value, step) in zip(events, written):
        assert event[2] == step
        assert event[1] == pytest.approx(path.stat().st_mtime, abs=60)
        scalar = fields(fields(event[5])[1])
        assert scalar[1].decode() == tag
        assert scalar[2] == struct.unpack("<f", struct.pack("<f", value))[0]


def test_a_resumed_run_has_a_second_file_that_says_where_it_starts(tmp_path):
    for start in (None, 7):
        EventWriter(tmp_path, start).close()
    first, second = (records(path) for path in sorted(tmp_path.iterdir()))
    assert len(first) == 1
    assert fields(second[1])[2] == 7 and fields(fields(second[1])[7]) == {1: 1}


def test_a_clock_that_jumps_back_makes_a_later_file(tmp_path, monkeypatch):
    """TensorBoard reads files by name; and two of one moment are two."""
    for moment in (2e9, 1e9, 1e9, 2.5e9):
        monkeypatch.setattr("rar_gluon.training.events.time.time", lambda moment=moment: moment)
        EventWriter(tmp_path).close()
    stamps = [float(path.name.split("tfevents.")[1][:17]) for path in sorted(tmp_path.iterdir())]
    assert len(stamps) == 4 and stamps == sorted(set(stamps)) and stamps[:2] == [2e9, 2e9 + 1e-3]
