import json

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
    with pytest.raises(InputError, match="other settings"):
        jobs.write_job(job, jobs.description(job, "thin", [], {"frames": 4}))


def test_a_job_that_another_table_has_done_is_not_done_again(jobs, job_of, tmp_path):
    first, second, other = (job_of(tmp_path / table) for table in ("table3", "table4", "extra"))
    for job, frames in ((first, 3), (second, 3), (other, 4)):
        jobs.write_job(job, jobs.description(job, "thin", [], {"frames": frames}))
    (first.folder / "results").mkdir()
    (first.folder / "results" / "a.txt").write_text("1,2,3,4\n")
    (first.folder / "scores.json").write_text('{"a": {"auc": 0.5, "dp": 1}}')
    jobs.take_equal([first, second, other], tmp_path)
    assert second.done and not other.done
    assert (second.folder / "results" / "a.txt").read_text() == "1,2,3,4\n"
    assert str(first.folder) in (second.folder / "log.txt").read_text()
