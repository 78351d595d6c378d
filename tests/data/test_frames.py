import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon.data.frames import (
    ImageFolder,
    VideoFile,
    Webcam,
    list_images,
    natural_key,
    open_frames,
    read_image,
    to_bgr8,
)
from rar_gluon.data.video import VideoSink


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3)).astype(np.uint8)


@pytest.fixture
def clip(tmp_path):
    """A video of ten frames; frame i is grey, of level 20 i."""
    path = tmp_path / "clip.avi"
    with VideoSink(path, 12.5) as sink:
        for index in range(10):
            sink.write(np.full((24, 32, 3), 20 * index, np.uint8))
    return path


def levels(frames):
    """Which frames of `clip` these are."""
    return [round(float(frame.mean()) / 20) for frame in frames]


# Pictures ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".ppm"])
def test_a_picture_is_read_as_it_was_written(tmp_path, picture, suffix):
    path = tmp_path / f"picture{suffix}"
    cv2.imwrite(str(path), picture)
    assert (read_image(path) == picture).all()


PREVIEW = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xda\x00\x00\xff\xd9"  # an end of its own


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("preview", [b"", b"\xff\xe1" + (2 + len(PREVIEW)).to_bytes(2, "big") + PREVIEW])
def test_a_jpeg_that_is_cut_off_anywhere_is_refused(tmp_path, texture, refusal, progressive, preview):
    """The decoder alone fills it with grey; bytes after its end, which some cameras write, do no harm."""
    path, whole = tmp_path / "1.jpg", texture(60, 80)
    content = cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    content = content[:2] + preview + content[2:]
    expected = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    for complete in (content, content + b"\xff\x00more"):
        path.write_bytes(complete)
        assert (read_image(path) == expected).all()
    for end in range(0, len(content), 7):
        path.write_bytes(content[:end])
        assert "1.jpg cannot be read as an image: is it complete" in refusal(read_image, path)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".ppm", ".webp"])
def test_other_pictures_that_are_cut_off_are_refused(tmp_path, picture, refusal, suffix):
    path = tmp_path / f"1{suffix}"
    cv2.imwrite(str(path), picture)
    content = path.read_bytes()
    for end in range(0, len(content), max(1, len(content) // 40)):
        path.write_bytes(content[:end])
        assert "1" + suffix in refusal(read_image, path)


def test_16_bits_keep_their_upper_8(tmp_path, picture):
    path = tmp_path / "picture.png"
    cv2.imwrite(str(path), picture.astype(np.uint16) * 256 + 255)
    assert (read_image(path) == picture).all() and read_image(path).dtype == np.uint8


def test_alpha_is_dropped(tmp_path, picture):
    path = tmp_path / "picture.png"
    alpha = np.random.default_rng(1).integers(0, 256, picture.shape[:2]).astype(np.uint8)
    cv2.imwrite(str(path), np.dstack([picture, alpha]))
    assert (read_image(path) == picture).all()
    cv2.imwrite(str(path), np.dstack([picture, alpha]).astype(np.uint16) * 256)
    assert (read_image(path) == picture).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_becomes_three_equal_channels(tmp_path, picture, dtype):
    path = tmp_path / "picture.png"
    grey = picture[..., 0]
    cv2.imwrite(str(path), grey.astype(dtype) * (256 if dtype == np.uint16 else 1))
    assert (read_image(path) == grey[..., None]).all()


def test_arrays_of_other_types(picture):
    assert to_bgr8(picture) is picture
    assert (to_bgr8(picture / 255.0) == picture).all()
    assert (to_bgr8((picture / 255.0).astype(np.float32)) == picture).all()
    assert to_bgr8(np.array([[np.nan, -0.2, 1.2, 0.5]]))[0, :, 0].tolist() == [0, 0, 255, 128]
    assert (to_bgr8(picture > 100)[picture > 100] == 255).all()


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint32])
def test_whole_numbers_of_0_to_255_are_not_taken_for_0_to_1(picture, dtype):
    assert (to_bgr8(picture.astype(dtype)) == picture).all()


@pytest.mark.parametrize(
    "values, words",
    [
        (np.array([[0.0, 255.0]]), "an image of 0 to 255 is not a frame: floats are 0 to 1"),
        (np.array([[-1.0, 1.0]], np.float32), "an image of -1 to 1"),
        (np.array([[0, 256]]), "an image of 0 to 256"),
        (np.array([[-1, 5]], np.int8), "an image of -1 to 5"),
        (np.array([[1j]]), "complex128"),
        (np.array([["a"]]), "an image of <U1"),
        (np.array([[None]]), "an image of object"),
    ],
)
def test_values_that_their_type_should_not_hold(values, words, refusal):
    assert words in refusal(to_bgr8, values)


def test_8_bits_in_16_are_black_and_refused_where_a_sequence_begins(tmp_path, picture, refusal):
    """Later they are a dark frame: a film may fade to black."""
    small = picture.astype(np.uint16)
    assert "16 bits, but values up to 255" in refusal(lambda: to_bgr8(small, first=True))
    assert not to_bgr8(small).any() and not to_bgr8(np.zeros_like(small), first=True).any()
    for name, values in (("1.png", small), ("2.png", small * 256), ("3.png", small)):
        cv2.imwrite(str(tmp_path / name), values)
    assert "1.png: the image has 16 bits" in refusal(lambda: list(open_frames(tmp_path)))
    (tmp_path / "1.png").unlink()
    bright, dark = open_frames(tmp_path)
    assert (bright == picture).all() and not dark.any()


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 0), (5,), (5, 5, 2), (1, 5, 5, 3), ()])
def test_arrays_that_are_no_picture(shape, refusal):
    assert str(shape) in refusal(to_bgr8, np.zeros(shape, np.uint8))


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_broken_picture_is_named(tmp_path, content, refusal):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    assert "broken.png" in refusal(read_image, path)


def test_an_absent_picture_is_named(tmp_path, refusal):
    assert "absent.png" in refusal(read_image, tmp_path / "absent.png")


def test_a_picture_of_any_name(tmp_path, picture):
    path = os.fsencode(tmp_path) + b"/\xff.png"
    cv2.imwrite(str(tmp_path / "picture.png"), picture)
    os.rename(tmp_path / "picture.png", path)
    assert (read_image(os.fsdecode(path)) == picture).all()


# Folders -------------------------------------------------------------------------------------------------------------


def test_natural_order():
    names = ["img10.jpg", "img2.jpg", "IMG1.jpg", "a.jpg", "2.jpg", "10.jpg", "0002.jpg", "x_2_10.png", "x_2_9.png"]
    expected = ["2.jpg", "0002.jpg", "10.jpg", "a.jpg", "IMG1.jpg", "img2.jpg", "img10.jpg", "x_2_9.png", "x_2_10.png"]
    assert sorted(names, key=natural_key) == expected


def test_names_that_begin_with_numbers_and_letters_can_be_sorted():
    assert sorted(["b1.png", "1b.png", "²3.png", "1.png"], key=natural_key)[:2] == ["1.png", "1b.png"]


def test_a_folder_in_natural_order(tmp_path, picture):
    for index in (10, 9, 1, 2):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full_like(picture, index))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "3.png.part").write_text("")
    (tmp_path / "folder.png").mkdir()
    cv2.imwrite(str(tmp_path / "11.PNG"), np.full_like(picture, 11))
    frames = open_frames(tmp_path)
    assert isinstance(frames, ImageFolder) and frames.name == tmp_path.name and frames.fps > 0
    assert [frame[0, 0, 0] for frame in frames] == [1, 2, 9, 10, 11]
    assert [frame[0, 0, 0] for frame in frames] == [1, 2, 9, 10, 11]  # again
    assert len(frames) == 5 and frames[3][0, 0, 0] == 10


def test_an_empty_folder(tmp_path, refusal):
    assert tmp_path.name in refusal(open_frames, tmp_path)
    (tmp_path / "notes.txt").write_text("")
    assert "no images" in refusal(list_images, tmp_path)


def test_an_absent_source(tmp_path, refusal):
    assert "absent does not exist" in refusal(open_frames, tmp_path / "absent")


def test_a_number_is_a_camera_unless_a_file_has_that_name(tmp_path, picture, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_frames("7"), Webcam) and open_frames("7").index == 7
    (tmp_path / "7").mkdir()
    cv2.imwrite("7/1.png", picture)
    assert isinstance(open_frames("7"), ImageFolder)


def test_a_digit_that_is_no_number_is_no_camera(tmp_path, monkeypatch, refusal):
    monkeypatch.chdir(tmp_path)
    assert "² does not exist" in refusal(open_frames, "²")


def test_an_absent_camera_is_refused(capfd, refusal):
    assert "camera 99" in refusal(next, iter(Webcam(99)))


@pytest.mark.parametrize("number", ["2147483648", "99999999999999999999"])
def test_numbers_of_no_camera(number, refusal):
    assert f"no camera {number}" in refusal(open_frames, number)


def test_what_macos_leaves_beside_files_is_no_frame(tmp_path, picture):
    cv2.imwrite(str(tmp_path / "1.png"), picture)
    (tmp_path / "._1.png").write_bytes(b"Mac OS X")
    assert len(open_frames(tmp_path)) == 1


@pytest.mark.parametrize("inner", ["img", "color"])
def test_a_folder_as_benchmarks_lay_it_out(tmp_path, picture, inner):
    (tmp_path / "Deer" / inner).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "Deer" / inner / "1.png"), picture)
    frames = open_frames(tmp_path / "Deer")
    assert len(frames) == 1 and frames.name == "Deer"


def test_frames_from_a_number_on(tmp_path, picture, clip, refusal):
    for index in range(4):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full_like(picture, index))
    assert [frame[0, 0, 0] for frame in open_frames(tmp_path, 2)] == [2, 3]
    assert "has 4 frames, counted from 0" in refusal(open_frames, tmp_path, 4)
    assert "frame -1 is none" in refusal(open_frames, tmp_path, -1)
    assert levels(open_frames(clip, 7)) == [7, 8, 9]


def test_a_broken_picture_in_a_folder_is_named(tmp_path, picture, refusal):
    cv2.imwrite(str(tmp_path / "1.png"), picture)
    (tmp_path / "2.png").write_bytes(b"")
    frames = iter(open_frames(tmp_path))
    next(frames)
    assert "2.png" in refusal(next, frames)


def test_pictures_of_different_size_are_refused(tmp_path, picture, refusal):
    cv2.imwrite(str(tmp_path / "1.png"), picture)
    cv2.imwrite(str(tmp_path / "2.png"), picture[:, :30])
    frames = iter(open_frames(tmp_path))
    next(frames)
    message = refusal(next, frames)
    assert "2.png is 30x24" in message and "32x24" in message


def test_grey_and_coloured_pictures_may_mix(tmp_path, picture):
    cv2.imwrite(str(tmp_path / "1.png"), picture)
    cv2.imwrite(str(tmp_path / "2.png"), picture[..., 0])
    assert [frame.shape for frame in open_frames(tmp_path)] == [(24, 32, 3)] * 2


# Videos --------------------------------------------------------------------------------------------------------------


def test_a_video(clip):
    frames = open_frames(clip)
    assert isinstance(frames, VideoFile) and frames.name == "clip"
    assert frames.fps == pytest.approx(12.5) and len(frames) == 10
    assert levels(frames) == list(range(10))
    assert levels(frames) == list(range(10))  # each iteration begins anew
    assert all(frame.shape == (24, 32, 3) and frame.dtype == np.uint8 for frame in frames)


@pytest.mark.parametrize(
    "start, stop, expected",
    [(0, None, range(10)), (3, 6, range(3, 6)), (3, None, range(3, 10)), (0, 1, [0]), (8, 99, [8, 9]), (4, 4, [])],
)
def test_a_range_of_a_video(clip, start, stop, expected):
    frames = VideoFile(clip, start, stop)
    assert levels(frames) == list(expected) and len(frames) == len(expected)


@pytest.mark.parametrize("content", [b"", b"no video at all", b"RIFF\x00\x00\x00\x00AVI LIST"])
def test_a_broken_video(tmp_path, content, capfd, refusal):
    path = tmp_path / "broken.avi"
    path.write_bytes(content)
    assert "broken.avi" in refusal(open_frames, path)


def test_a_video_without_a_whole_frame(tmp_path, clip, capfd, refusal):
    path = tmp_path / "cut.avi"
    path.write_bytes(clip.read_bytes()[:600])
    assert "cut.avi" in refusal(open_frames, path)


@pytest.mark.parametrize("suffix", ["3gp", "mts", "m2ts", "vob", "mxf", "asf", "3g2", "mpe", "dat", ""])
def test_the_decoder_decides_what_a_video_is(tmp_path, clip, suffix):
    path = tmp_path / f"other.{suffix}".rstrip(".")
    clip.rename(path)
    assert levels(open_frames(path)) == list(range(10))


@pytest.mark.parametrize("name", ["cam1:front.avi", "50%d.avi", "a b.avi", "http:x.avi"])
def test_names_that_a_decoder_might_read_more_into(tmp_path, clip, name, monkeypatch):
    clip.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(list(open_frames(name))) == len(list(open_frames(tmp_path / name))) == 10


@pytest.mark.parametrize(
    "content", ["letters", "ffconcat version 1.0\nfile /etc/passwd", "#EXTM3U\nhttp://x", "ü" * 4096]
)
def test_text_is_no_video(tmp_path, content, refusal):
    (tmp_path / "list.mp4").write_text(content)
    assert "list.mp4 is text" in refusal(open_frames, tmp_path / "list.mp4")


def test_a_name_that_the_decoder_crashes_on(tmp_path, clip, refusal):
    path = os.fsencode(tmp_path) + b"/\xff.avi"
    os.rename(clip, path)
    assert "not UTF-8" in refusal(open_frames, os.fsdecode(path))


def test_what_is_neither_file_nor_folder(tmp_path, refusal):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "neither a folder nor a file" in refusal(open_frames, tmp_path / "pipe.mp4")


def test_leaving_a_video_early_closes_it(clip):
    def is_open():
        return str(clip) in {os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()}

    frames = iter(VideoFile(clip))
    next(frames)
    assert is_open()
    frames.close()
    assert not is_open()
