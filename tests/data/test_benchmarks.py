"""A made-up miniature of the official layout of each benchmark, and of its annotations alone."""

import dataclasses

import numpy as np
import pytest

from rar_gluon.common import InputError
from rar_gluon.data import benchmarks
from rar_gluon.data.benchmarks import NAMES, chosen, name_of, read_benchmark, read_truth
from rar_gluon.data.check import check
from rar_gluon.data.datasets import load_sequences

COUNTS = {"lasot": 280, "uav123": 123, "uav20l": 20, "tc128": 129, "nfs30": 100, "nfs240": 100}


@pytest.mark.parametrize("key", NAMES)
def test_the_lists(key):
    benchmark = read_benchmark(key)
    assert len(benchmark.targets) == COUNTS.get(key, 180)
    assert benchmark.source and benchmark.truth and benchmark.images
    assert all(target.first >= 1 and target.frames >= 0 for target in benchmark.targets.values())


def test_facts_that_papers_print():
    """UAV123: 112,578 frames, UAV20L 58,670; LaSOT: four sequences of each of 70 classes."""
    assert sum(target.frames for target in read_benchmark("uav123").targets.values()) == 112_578
    assert sum(target.frames for target in read_benchmark("uav20l").targets.values()) == 58_670
    classes = [name.rpartition("-")[0] for name in read_benchmark("lasot").targets]
    assert len(set(classes)) == 70 and all(classes.count(name) == 4 for name in classes)
    assert read_benchmark("uav123").targets["bird1_2"] == benchmarks.Target("bird1_2", "bird1", 775, 703)
    assert read_benchmark("got10k").targets["GOT-10k_Val_000180"].folder == "GOT-10k_Val_000180"


@pytest.mark.parametrize(
    "key, text, name",
    [
        ("uav123", "car1_1", "car1_1"),
        ("uav123", "uav_car11", "car11"),
        ("uav123", "Car11", "car11"),
        ("uav123", "car1-1", "car1_1"),
        ("lasot", "airplane_13", "airplane-13"),
        ("lasot", "rubiccube-1", "rubicCube-1"),
        ("nfs30", "nfs_MachLoop_jet", "MachLoop_jet"),
        ("tc128", "tpl_Ball_ce1", "Ball_ce1"),
        ("tc128", "BallCe1", "Ball_ce1"),
        ("got10k", "got-10k_val_000007", "GOT-10k_Val_000007"),
        ("uav20l", "car2", None),
    ],
)
def test_spellings(key, text, name):
    assert name_of(read_benchmark(key), text) == name


def test_choosing(tmp_path):
    uav = read_benchmark("uav20l")
    assert len(chosen(uav)) == 20 and chosen(uav, "car1, uav_bike1") == ("car1", "bike1")
    assert chosen(uav, "car1" + 300 * " " + ", bike1") == ("car1", "bike1")  # no name of a file is as long
    (tmp_path / "list.txt").write_text("car1\nbird1\n")
    assert chosen(uav, tmp_path / "list.txt") == ("car1", "bird1")
    for names, words in (("nothing", "nothing is no sequence of UAV20L"), (",", "no sequence"), ("car1,car1", "once")):
        with pytest.raises(InputError, match=words):
            chosen(uav, names)


@pytest.fixture
def few(monkeypatch):
    """Make a benchmark that has these sequences only, and so many frames."""

    def make(key, targets):
        benchmark = read_benchmark(key)
        known = {name: benchmarks.Target(name, folder, first, frames) for name, folder, first, frames in targets}
        small = dataclasses.replace(benchmark, targets=known)
        monkeypatch.setattr(benchmarks, "read_benchmark", lambda key: small)
        return small

    return make


def test_lasot(tmp_path, few, write_images, write_rows):
    few("lasot", [("cat-1", "cat-1", 1, 0), ("cat-2", "cat-2", 1, 0)])
    for name in ("cat-1", "cat-2"):
        place = tmp_path / "cat" / name
        write_images(place / "img", [f"{number:08d}.jpg" for number in (1, 2, 3)])
        (place / "groundtruth.txt").write_text("1,2,3,4\n0,0,0,0\n2,2,3,4\n")
        (place / "full_occlusion.txt").write_text("0,1,0")
        (place / "out_of_view.txt").write_text("0,0,0\n")
    first, _ = load_sequences("lasot", tmp_path)
    assert first.name == "cat-1" and len(first.frames) == 3 and first.origin == 1
    assert first.tags["absent"].tolist() == [False, True, False]
    report = check("lasot", tmp_path)
    assert report.complete and report.frames == 6, report.text()
    (tmp_path / "cat" / "cat-2" / "img" / "00000003.jpg").unlink()
    assert "2 images, but cat-2 has 3 boxes" in check("lasot", tmp_path).problems[0]
    (tmp_path / "cat" / "cat-2" / "full_occlusion.txt").write_text("0,1")
    with pytest.raises(InputError, match="2 labels where 3 are needed"):
        load_sequences("lasot", tmp_path, "cat-2")


def test_annotations_of_lasot_alone(tmp_path, few):
    small = few("lasot", [("cat-1", "cat-1", 1, 0)])
    for folder, text in (("annos", "1,2,3,4\n2,2,3,4\n"), ("annos/absent", "0\n1\n"), ("annos/att", "1" + ",0" * 13)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cat-1.txt").write_text(text)
    truth = read_truth(small, tmp_path, ["cat-1"])["cat-1"]
    assert truth.absent.tolist() == [False, True] and truth.attributes == ("IV",)
    (tmp_path / "annos" / "att" / "cat-1.txt").write_text("1")
    assert read_truth(small, tmp_path, ["cat-1"])["cat-1"].attributes is None
    with pytest.raises(InputError, match=r"lacks images of 1 \(cat/cat-1/img\) of the 1 sequences of LaSOT"):
        load_sequences("lasot", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"lacks boxes of 1 \(cat/cat-1/groundtruth.txt\) and images of 1"):
        check("lasot", tmp_path / "empty")


def test_uav123(tmp_path, few, write_images, write_rows):
    few("uav123", [("bird1_2", "bird1", 3, 2)])
    write_images(tmp_path / "data_seq" / "UAV123" / "bird1", [f"{number:06d}.jpg" for number in range(1, 7)])
    anno = tmp_path / "anno" / "UAV123"
    write_rows(anno / "bird1_2.txt", 1).write_text("1,2,3,4\nNaN,NaN,NaN,NaN\n")
    write_rows(anno / "att" / "bird1_2.txt", 0).write_text("1,1,0,1,0,0,0,0,1,1,1,1")
    (sequence,) = load_sequences("uav123", tmp_path)
    assert [path.stem for path in sequence.frames.paths] == ["000003", "000004"]
    assert sequence.attributes == ("SV", "ARC", "FM", "IV", "VC", "CM", "SOB")
    assert np.isnan(sequence.boxes[1]).all()
    (anno / "bird1_2.txt").write_text("1,2,3,4\n")
    with pytest.raises(InputError, match="has 1 boxes; UAV123's bird1_2 has 2 frames"):
        load_sequences("uav123", tmp_path)


def test_tc128_in_another_case(tmp_path, few, write_images, write_rows):
    few("tc128", [("subway", "subway", 2, 2)])
    write_images(tmp_path / "Subway" / "img", [f"{number:04d}.jpg" for number in (1, 2, 3)])
    write_rows(tmp_path / "Subway" / "Subway_gt.txt", 2)
    (sequence,) = load_sequences("tc128", tmp_path)
    assert [path.stem for path in sequence.frames.paths] == ["0002", "0003"]


ROW = '{id} {x} 10 {right} 40 {id} 0 0 {occluded} "a label of words"\n'


@pytest.mark.parametrize("fps, rows, frames", [(30, 17, 3), (30, 16, 2), (30, 17, 2), (240, 17, 17)])
def test_nfs(tmp_path, few, write_images, fps, rows, frames):
    """Eight rows a frame at 30 frames a second; a difference of one is cut, as got10k does."""
    few(f"nfs{fps}", [("bee", "bee", 1, 0)])
    place = tmp_path / "bee" / str(fps)
    write_images(place / "bee", [f"{number:05d}.jpg" for number in range(1, frames + 1)])
    lines = [ROW.format(id=i, x=i, right=i + 20, occluded=int(i == 8)) for i in range(rows)]
    (place / "bee.txt").write_text("".join(lines))
    (sequence,) = load_sequences(f"nfs{fps}", tmp_path)
    every = 8 if fps == 30 else 1
    assert len(sequence) == frames == len(sequence.frames)
    assert sequence.boxes.tolist() == [[every * i, 10, 20, 30] for i in range(frames)]
    (place / "bee.txt").write_text("1 2 3 4\n" * frames)  # pytracking's copy
    assert load_sequences(f"nfs{fps}", tmp_path)[0].boxes.tolist() == [[1, 2, 3, 4]] * frames


def test_got10k(tmp_path, few, write_images, write_rows):
    small = few("got10k", [("GOT-10k_Val_000001",) * 2 + (1, 0)])
    place = write_images(tmp_path / "val" / "GOT-10k_Val_000001", ["00000001.jpg", "00000002.jpg"])
    write_rows(place / "groundtruth.txt", 2)
    (place / "cover.label").write_text("8\n0\n")
    (place / "meta_info.ini").write_text("[METAINFO]\nurl: x\nresolution: (1920, 1080)\n")
    (sequence,) = load_sequences("got10k", tmp_path)
    assert sequence.tags["absent"].tolist() == [False, True]
    (truth,) = read_truth(small, tmp_path, list(small.targets)).values()
    assert truth.size == (1920, 1080)


def test_got10k_test_has_first_boxes_only(tmp_path, few, write_images, write_rows):
    few("got10k_test", [("GOT-10k_Test_000001",) * 2 + (1, 0)])
    place = write_images(tmp_path / "test" / "GOT-10k_Test_000001", ["1.jpg", "2.jpg", "3.jpg"])
    write_rows(place / "groundtruth.txt", 1)
    (sequence,) = load_sequences("got10k_test", tmp_path)
    assert len(sequence) == 3 and sequence.boxes[0].tolist() == [1, 2, 3, 4] and np.isnan(sequence.boxes[1:]).all()


def test_what_is_missing_is_said_in_a_sentence(tmp_path, few, write_images, write_rows):
    few("tc128", [("a", "a", 1, 1), ("b", "b", 1, 1)])
    with pytest.raises(InputError, match=r"boxes of 2 \(a/a_gt.txt, ...\) and images of 2 \(a/img, ...\)"):
        check("tc128", tmp_path)
    write_images(tmp_path / "a" / "img", ["0001.jpg"])
    write_rows(tmp_path / "a" / "a_gt.txt", 1)
    report = check("tc128", tmp_path)
    assert report.present == ("a: 1 frames",) and report.missing == ("b",) and not report.complete
    assert [sequence.name for sequence in load_sequences("tc128", tmp_path, allow_missing=True)] == ["a"]
    with pytest.raises(InputError, match="--allow-missing goes on"):
        load_sequences("tc128", tmp_path)


def test_no_benchmark():
    with pytest.raises(InputError, match="'otb' is no benchmark: choose one of lasot"):
        read_benchmark("otb")
