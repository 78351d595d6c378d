import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from rar_gluon.data.frames import (
    ImageFolder,
    VideoFile,
    Webcam,
    count_pages,
    open_frames,
    read_image,
    to_bgr8,
)
from rar_gluon.data.listing import list_images, natural_key
from rar_gluon.data.video import VideoSink
from rar_gluon.geometry import Window, crop


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
    path, picture = tmp_path / "1.jpg", texture(60, 80)
    content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
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


def test_16_bits_in_the_other_byte_order(picture):
    wide = picture.astype(np.uint16) * 257
    assert (to_bgr8(wide.astype(">u2"), first=True) == to_bgr8(wide.astype("<u2"))).all()
    assert (to_bgr8((picture / 255).astype(">f4"), first=True) == picture).all()


@pytest.mark.parametrize(
    "values",
    [
        lambda grey: (29952 + grey * 0.9).astype(np.uint16),  # a thermal camera, hundredths of a kelvin
        lambda grey: (7000 + grey.astype(int) * 4).astype(">u2"),  # 14 bits
        lambda grey: (grey.astype(np.uint16) * 4),  # 10 bits
        lambda grey: ((29952 + grey * 0.9) / 65535).astype(np.float32),
        lambda grey: np.where(np.arange(grey.size).reshape(grey.shape) == 5, 65535, 29952 + grey.astype(int)).astype(
            np.uint16
        ),
    ],
)
def test_contrast_in_few_bits_is_refused_where_a_sequence_begins(texture, refusal, values):
    """Also where a pixel is broken; later it is a dark or foggy frame."""
    grey = texture(24, 32)[..., 0]
    assert "contrast is lost: scale" in refusal(to_bgr8, values(grey), first=True)
    assert to_bgr8(values(grey)).shape == (24, 32, 3)


@pytest.mark.parametrize("factor", [256, 257])
def test_8_bits_of_little_contrast_stay_what_they_are(factor):
    dark = np.arange(60, dtype=np.uint16).reshape(6, 10) // 10 + 40
    assert (to_bgr8(dark * factor, first=True)[..., 0] == dark).all()
    assert (to_bgr8(dark / 255, first=True)[..., 0] == dark).all()


def test_a_file_of_several_pictures(tmp_path, texture, refusal):
    """The decoder alone gives the first."""
    frames = [texture(24, 32, seed) for seed in range(3)]
    cv2.imwritemulti(str(tmp_path / "stack.tif"), frames)
    assert "stack.tif holds several pictures" in refusal(open_frames, tmp_path / "stack.tif")
    assert "stack.tif holds several pictures" in refusal(lambda: list(open_frames(tmp_path)))
    content = (tmp_path / "stack.tif").read_bytes()
    assert count_pages(content) == 3 and count_pages(content[:100]) == 1
    kind = content.index((254).to_bytes(2, "little"), len(content) // 2)  # NewSubfileType of the last page
    assert count_pages(content[: kind + 8] + b"\1\0\0\0" + content[kind + 12 :]) == 2  # a thumbnail
    cv2.imwrite(str(tmp_path / "one.tif"), frames[0])
    (only,) = open_frames(tmp_path / "one.tif")
    assert (only == frames[0]).all() and "one picture" in refusal(open_frames, tmp_path / "one.tif", 1)


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_an_animation(tmp_path, suffix, refusal):
    pictures = [Image.fromarray(np.full((8, 8, 3), level, np.uint8)) for level in (0, 100)]
    pictures[0].save(tmp_path / f"1{suffix}", save_all=True, append_images=pictures[1:])
    assert "several pictures" in refusal(read_image, tmp_path / f"1{suffix}")


def test_a_picture_that_may_not_be_read_is_not_called_damaged(tmp_path, picture, refusal, monkeypatch):
    def no(path, *_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(np, "fromfile", no)
    assert "1.png cannot be read: Permission denied." in refusal(read_image, tmp_path / "1.png")


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 0), (5,), (5, 5, 2), (1, 5, 5, 3), ()])
def test_arrays_that_are_no_picture(shape, refusal):
    assert str(shape) in refusal(to_bgr8, np.zeros(shape, np.uint8))


def test_a_frame_that_windows_cannot_be_cut_from(refusal):
    assert "a frame of 32767x2 is too large" in refusal(to_bgr8, np.zeros((2, 32767, 3), np.uint8))
    crop(to_bgr8(np.zeros((2, 32766, 3), np.uint8)), Window(9, 1, 8, 8), 4)


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


def test_raw_video_that_is_dark_is_no_text(tmp_path):
    """All its bytes are letters."""
    frame = b"FRAME\n" + bytes([16]) * 32 * 24 + bytes([127]) * 2 * 16 * 12
    (tmp_path / "dark.y4m").write_bytes(b"YUV4MPEG2 W32 H24 F25:1 Ip A1:1 C420jpeg\n" + 4 * frame)
    frames = list(open_frames(tmp_path / "dark.y4m"))
    assert len(frames) == 4 and frames[0].shape == (24, 32, 3)


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
