import json
import subprocess
from concurrent.futures import ThreadPoolExecutor, TimeoutError

import pytest

from rar_gluon.common import InputError


def test_progress_is_read_off_the_disk(jobs, job_of, tmp_path):
    job = job_of(tmp_path)
    assert jobs.progress_of(job, 10) == ("start", 0, 4)
    (job.folder / "training").mkdir(parents=True)
    (job.folder / "training" / "log.csv").write_text("step,loss\n1,2\n2,2\n3,1\n")
    assert jobs.progress_of(job, 10) == ("train", 3, 4)
    (job.folder / "training" / "last.npz").touch()
    (job.folder / "results").mkdir()
    (job.folder / "results" / "a.txt").touch()
    assert jobs.progress_of(job, 10) == ("evaluate", 1, 10)
    (job.folder / "scores.json").write_text("{}")
    assert jobs.progress_of(job, 10) == ("done", 1, 1)


def test_parts_of_a_job_add_up(jobs):
    assert jobs.part_done("start", 0, 4, 30.0, 10.0) == 0
    assert jobs.part_done("train", 3, 4, 30.0, 10.0) == 22.5
    assert jobs.part_done("evaluate", 5, 10, 30.0, 10.0) == 35
    assert jobs.part_done("done", 1, 1, 30.0, 10.0) == 40


def test_a_job_begun_with_other_settings_is_refused(jobs, job_of, tmp_path):
    job = job_of(tmp_path)
    jobs.write_job(job, jobs.description(job, "thin", [], {"frames": 3}))
    jobs.write_job(job, jobs.description(job, "thin", [], {"frames": 3}))
    assert json.loads((job.folder / "job.json").read_text())["start"] == "thin"
    jobs.write_job(job, jobs.description(job, "thin", [], {"frames": 4}))  # nothing had been done with the others
    jobs.write_job(job, jobs.description(job, "thin", [], {"frames": 3}))
    (job.folder / "training").mkdir()
    with pytest.raises(InputError, match="other settings"):
        jobs.write_job(job, jobs.description(job, "thin", [], {"frames": 4}))


def test_a_job_that_was_scored_under_another_protocol_is_scored_again(jobs, job_of, tmp_path):
    job = job_of(tmp_path)
    wanted = jobs.description(job, "thin", [], {"frames": 3})
    assert wanted["protocol"] == "folder"
    assert jobs.description(job, "thin", [], {"otb": "/otb", "frames": 0})["protocol"] == "matlab"
    old = {key: value for key, value in wanted.items() if key != "protocol"}  # as before protocols were kept
    jobs.write_job(job, old)
    (job.folder / "training").mkdir()
    (job.folder / "scores.json").write_text("{}")
    jobs.write_job(job, wanted)
    assert not job.done and (job.folder / "training").is_dir()
    assert json.loads((job.folder / "job.json").read_text()) == wanted


def test_a_job_that_another_table_has_done_is_not_done_again(jobs, job_of, tmp_path):
    first, second, other = (job_of(tmp_path / table) for table in ("table3", "table4", "extra"))
    for job, frames in ((first, 3), (second, 3), (other, 4)):
        jobs.write_job(job, jobs.description(job, "thin", [], {"frames": frames}))
    for part, name in (("results", "a.txt"), ("training", "last.npz")):
        (first.folder / part).mkdir()
        (first.folder / part / name).write_text("1,2,3,4\n")
    assert jobs.distinct([second, first, other]) == [second, other]
    (first.folder / "scores.json").write_text('{"a": {"auc": 0.5, "dp": 1}}')
    jobs.take_equal([first, second, other], tmp_path)
    assert second.done and not other.done
    assert (second.folder / "results" / "a.txt").read_text() == "1,2,3,4\n"
    assert (second.folder / "training" / "last.npz").is_file(), "figures take the weights of row 13 from either table"
    assert str(first.folder) in (second.folder / "log.txt").read_text()


def test_a_backbone_starts_from_weights_that_fit_it(jobs):
    network = jobs.configuration.load("rar").network
    thin = jobs.configuration.load("rar_thin").network
    vgg = jobs.configuration.from_dict({"network": {"backbone": "vgg_m", "deformable": []}}).network
    assert [jobs.start_of(part, "gluoncv") for part in (network, thin, vgg)] == ["gluoncv", "thin", "random"]


def test_two_processes_never_work_on_one_job(jobs, tmp_path):
    with jobs.locked(tmp_path), pytest.raises(InputError, match="another process"), jobs.locked(tmp_path):
        pass
    with jobs.locked(tmp_path):
        pass


class Sleeper:
    """Stands for a job's process: a real one that ends when its input does."""

    def __call__(self, folder, devices, threads):
        with open(folder / "log.txt", "ab") as log:
            return subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log)


def test_a_job_of_a_cluster_ends_when_it_is_asked_to(jobs, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "start_job", Sleeper())
    monkeypatch.setattr(jobs, "POLL", 0.05)
    with ThreadPoolExecutor() as pool:
        status = pool.submit(jobs.wait_for_job, tmp_path, [-1], 1)
        with pytest.raises(TimeoutError):
            status.result(timeout=0.3)
        (tmp_path / jobs.STOP).touch()
        assert status.result(timeout=10) == 0


@pytest.mark.parametrize(
    "workers, devices, shares",
    [(1, [0, 1, 2, 3], [[0, 1, 2, 3]]), (2, [0, 1, 2, 3], [[0, 2], [1, 3]]), (2, [-1], [[-1], [-1]])],
)
def test_devices_are_shared_among_the_workers(jobs, workers, devices, shares):
    assert jobs.shares(workers, devices) == shares


def test_processes_of_this_machine_take_turns_on_the_devices(jobs, tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(
        jobs, "start_job", lambda folder, device, _: taken.append(device) or Sleeper()(folder, device, 1)
    )
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    place = jobs.Here(2, [4, 5])
    place.start(folders[0])
    place.start(folders[1])
    assert taken == [[4], [5]] and not place.ready() and place.ended() == []
    place._running[folders[1]][0].stdin.close()
    place._running[folders[1]][0].wait()
    assert place.ended() == [(folders[1], 0)] and place.ready()
    place.start(folders[2])
    assert taken == [[4], [5], [5]]
    place.stop()
    assert sorted(place.ended()) == [(folders[0], 0), (folders[2], 0)]
