import json
import subprocess
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from dataclasses import replace

import pytest

from experiments import jobs
from experiments.sizes import Evaluation, Matching
from rar_gluon.common import InputError
from rar_gluon.net.weights import BACKBONE
from rar_gluon.provenance import file_hash


def test_progress_is_read_off_the_disk(job_of, tmp_path):
    job = job_of(tmp_path)
    assert jobs.progress_of(job, 2, 10) == ("start", 0, 4)
    (job.folder / "training").mkdir(parents=True)
    (job.folder / "training" / "log.csv").write_text("step,loss\n1,2\n2,2\n3,1\n")
    assert jobs.progress_of(job, 2, 10) == ("train", 3, 4)
    (job.folder / "training" / "last.npz").touch()
    (job.folder / "matching").mkdir()
    (job.folder / "matching" / "2.csv").write_text("sequence,loss,error\na,1,2\n")
    (job.folder / "matching" / "4.csv").write_text("sequence,loss,error\na,1,2\na,1,2\n")
    assert jobs.progress_of(job, 6, 10) == ("match", 3, 6)
    (job.folder / "matching.json").write_text("{}")
    (job.folder / "results").mkdir()
    (job.folder / "results" / "a.txt").touch()
    assert jobs.progress_of(job, 2, 10) == ("track", 1, 10)
    (job.folder / "scores.json").write_text("{}")
    assert jobs.progress_of(job, 2, 10) == ("done", 1, 1)


def test_a_job_is_done_when_it_has_the_outcomes_that_are_wanted(job_of, tmp_path):
    job = replace(job_of(tmp_path), outcomes=("matching",))
    assert not job.done
    job.folder.mkdir(parents=True)
    (job.folder / "matching.json").write_text("{}")
    assert job.done and not replace(job, outcomes=("matching", "tracking")).done
    assert jobs.stages_of(job.outcomes) == ["train", "match"]


def test_parts_of_a_job_add_up():
    costs = {"train": 30.0, "match": 8.0, "track": 10.0}
    assert jobs.part_done("start", 0, 4, costs) == 0
    assert jobs.part_done("train", 3, 4, costs) == 22.5
    assert jobs.part_done("match", 1, 2, costs) == 34
    assert jobs.part_done("track", 5, 10, costs) == 43
    assert jobs.part_done("done", 1, 1, costs) == 48
    assert jobs.part_done("track", 5, 10, {"train": 30.0, "track": 10.0}) == 35


PAIRS = Matching(8, gap=5, shift=0.5, scale=0.1, synthetic=4)


def data_of(frames=3, matching=PAIRS, start="thin"):
    """What jobs see: synthetic sequences of so many frames."""
    return jobs.data_of(start, {}, matching, Evaluation(frames, synthetic=1), [])


def described(job):
    return json.loads((job.folder / "job.json").read_text())


def test_a_job_begun_with_other_settings_is_refused(job_of, tmp_path):
    job = job_of(tmp_path)
    jobs.write_job(job, data_of())
    jobs.write_job(job, data_of())
    assert described(job)["places"]["start"] == "thin" and described(job)["start"] == file_hash(BACKBONE)
    jobs.write_job(job, data_of(4))  # nothing had been done with the others
    jobs.write_job(job, data_of())
    (job.folder / "training").mkdir()
    with pytest.raises(InputError, match="other settings"):
        jobs.write_job(job, data_of(4))


def test_a_job_knows_records_and_starts_by_content(job_of, tmp_path):
    """The same records and weights elsewhere are the same; others in the same place are not."""
    job = job_of(tmp_path)
    for name, content in (("here", "{}"), ("there", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.json").write_text(content)
        (tmp_path / name / "start.npz").write_text("weights")

    def data(name):
        folder = str(tmp_path / name)
        evaluation = Evaluation(3, synthetic=1)
        pairs = replace(PAIRS, records=(folder,))
        return jobs.data_of(f"{folder}/start.npz", {folder: 0.5}, pairs, evaluation, [])

    jobs.write_job(job, data("here"))
    (job.folder / "training").mkdir()
    jobs.write_job(job, data("there"))
    assert list(described(job)["places"]["records"]) == [str(tmp_path / "there")]
    assert str(tmp_path) not in json.dumps(jobs.read_job(job.folder))
    for name in ("index.json", "start.npz"):
        before = (tmp_path / "there" / name).read_text()
        (tmp_path / "there" / name).write_text("[]")
        with pytest.raises(InputError, match="other settings"):
            jobs.write_job(job, data("there"))
        (tmp_path / "there" / name).write_text(before)


def test_a_job_from_before_a_setting_existed_goes_on(job_of, tmp_path):
    job = job_of(tmp_path)
    jobs.write_job(job, data_of())
    complete = described(job)
    (job.folder / "training").mkdir()

    def store(content):
        (job.folder / "job.json").write_text(json.dumps(content))

    old = json.loads(json.dumps(complete))
    del old["config"]["training"]["photometric"]
    store(old)
    jobs.write_job(job, data_of())
    assert described(job) == complete
    old["config"]["training"]["no_more"] = 1
    for other in (old, {"start": "thin"}):  # and one from before pairs were matched
        store(other)
        with pytest.raises(InputError, match="other settings"):
            jobs.write_job(job, data_of())


def test_a_job_takes_more_pairs_and_keeps_those_it_has(job_of, tmp_path):
    job = replace(job_of(tmp_path), outcomes=("matching",))
    fewer, more = (data_of(matching=replace(PAIRS, pairs=pairs)) for pairs in (8, 12))
    jobs.write_job(job, fewer)
    (job.folder / "training").mkdir()
    (job.folder / "matching").mkdir()
    (job.folder / "matching" / "4.csv").touch()
    (job.folder / "matching.json").write_text("{}")
    jobs.write_job(job, more)
    assert not job.done and (job.folder / "matching" / "4.csv").is_file()
    assert described(job)["matching"]["pairs"] == 12
    for other in (fewer, data_of(matching=replace(PAIRS, pairs=20, gap=6))):
        with pytest.raises(InputError, match="other settings"):
            jobs.write_job(job, other)


def test_a_job_that_was_scored_under_another_protocol_is_scored_again(job_of, tmp_path):
    job = job_of(tmp_path)
    jobs.write_job(job, data_of())
    complete = described(job)
    assert complete["protocol"] == "folder"
    old = {key: value for key, value in complete.items() if key != "protocol"}  # as before protocols were kept
    (job.folder / "job.json").write_text(json.dumps(old))
    (job.folder / "training").mkdir()
    for name in ("scores.json", "matching.json"):
        (job.folder / name).write_text("{}")
    jobs.write_job(job, data_of())
    assert not job.done and (job.folder / "training").is_dir()
    assert described(job) == complete


def test_a_job_that_another_table_has_done_is_not_done_again(job_of, tmp_path):
    first, second, other = (job_of(tmp_path / table) for table in ("table3", "table4", "extra"))
    for job, frames in ((first, 3), (second, 3), (other, 4)):
        jobs.write_job(job, data_of(frames))
    for part, name in (("results", "a.txt"), ("training", "last.npz")):
        (first.folder / part).mkdir()
        (first.folder / part / name).write_text("1,2,3,4\n")
    assert jobs.distinct([second, first, other]) == [second, other]
    (first.folder / "scores.json").write_text('{"a": {"auc": 0.5, "dp": 1}}')
    jobs.take_equal([first, second, other], tmp_path)
    assert not second.done
    (first.folder / "matching.json").write_text("{}")
    jobs.take_equal([first, second, other], tmp_path)
    assert second.done and not other.done
    assert (second.folder / "results" / "a.txt").read_text() == "1,2,3,4\n"
    assert (second.folder / "training" / "last.npz").is_file(), "figures take the weights of row 13 from either table"
    assert str(first.folder) in (second.folder / "log.txt").read_text()


class Sleeper:
    """Stands for a job's process: a real one that ends when its input does."""

    def __call__(self, folder, outcomes, devices, threads):
        with open(folder / "log.txt", "ab") as log:
            return subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log)


def test_a_job_of_a_cluster_ends_when_it_is_asked_to(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "start_job", Sleeper())
    monkeypatch.setattr(jobs, "POLL", 0.05)
    with ThreadPoolExecutor() as pool:
        status = pool.submit(jobs.wait_for_job, tmp_path, ["matching"], [-1], 1)
        with pytest.raises(TimeoutError):
            status.result(timeout=0.3)
        (tmp_path / jobs.STOP).touch()
        assert status.result(timeout=10) == 0


@pytest.mark.parametrize(
    "workers, devices, shares",
    [(1, [0, 1, 2, 3], [[0, 1, 2, 3]]), (2, [0, 1, 2, 3], [[0, 2], [1, 3]]), (2, [-1], [[-1], [-1]])],
)
def test_devices_are_shared_among_the_workers(workers, devices, shares):
    assert jobs.shares(workers, devices) == shares


def test_processes_of_this_machine_take_turns_on_the_devices(job_of, tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(
        jobs, "start_job", lambda folder, _, device, __: taken.append(device) or Sleeper()(folder, (), device, 1)
    )
    mine = [replace(job_of(tmp_path), folder=tmp_path / name) for name in "abc"]
    folders = [job.folder for job in mine]
    for folder in folders:
        folder.mkdir()
    place = jobs.LocalPlace(2, [4, 5])
    place.start(mine[0])
    place.start(mine[1])
    assert taken == [[4], [5]] and not place.ready() and place.ended() == []
    place._running[folders[1]][0].stdin.close()
    place._running[folders[1]][0].wait()
    assert place.ended() == [(folders[1], 0)] and place.ready()
    place.start(mine[2])
    assert taken == [[4], [5], [5]]
    place.stop()
    assert sorted(place.ended()) == [(folders[0], 0), (folders[2], 0)]
