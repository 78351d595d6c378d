import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from rar_gluon import config as configuration
from rar_gluon.common import InputError
from rar_gluon.report.ablation import read_rows
from rar_gluon.report.claims import read_claims

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture(scope="module")
def driver():
    sys.path.insert(0, str(EXPERIMENTS))
    spec = importlib.util.spec_from_file_location("driver", EXPERIMENTS / "driver.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["driver"] = module
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(EXPERIMENTS))
    del sys.modules["driver"]


@pytest.mark.parametrize("size", ["quick", "local", "full"])
def test_every_row_is_a_configuration_at_every_size(driver, size):
    overlay = driver.read_size(size)["config"]
    for table in driver.TABLES:
        for row in driver.row_names(table):
            config = driver.row_config(EXPERIMENTS / table / row / "config.yaml", overlay, 3)
            assert config.training.seed == 3


def test_at_full_size_a_row_is_its_file(driver):
    for table in driver.TABLES:
        for row in driver.row_names(table):
            path = EXPERIMENTS / table / row / "config.yaml"
            assert driver.row_config(path, {}, 0) == configuration.load(path)


def test_rows_of_two_tables_are_one(driver):
    def config(table, row):
        return driver.row_config(EXPERIMENTS / table / row / "config.yaml", {}, 0)

    assert config("table4", "RAR") == config("table3", "row13") == configuration.load(EXPERIMENTS / "rar.yaml")
    assert config("table4", "RAR_ResNet") == config("table3", "row07")


def test_a_row_changes_the_size_and_not_the_other_way(driver):
    overlay = driver.read_size("quick")["config"]
    image = driver.row_config(EXPERIMENTS / "extra" / "context_image" / "config.yaml", overlay, 0)
    vgg = driver.row_config(EXPERIMENTS / "table4" / "RAR_VGG" / "config.yaml", overlay, 0)
    assert (image.filter.context_source, image.network.width) == ("image", 0.5)
    assert (vgg.network.backbone, vgg.network.width) == ("vgg_m", 1.0)
    frozen = driver.row_config(EXPERIMENTS / "table3" / "row11" / "config.yaml", overlay, 0)
    assert len(frozen.training.frozen) == 5


@pytest.mark.parametrize("table", ["table3", "table4"])
def test_rows_are_those_that_are_published(driver, table):
    assert sorted(read_rows(EXPERIMENTS / "published" / f"{table}.csv")) == driver.row_names(table)


def test_claims_are_of_rows_that_are_there(driver):
    every = [claim for table in driver.TABLES for claim in read_claims(EXPERIMENTS / "claims.yaml", table)]
    assert len(every) == len(yaml.safe_load((EXPERIMENTS / "claims.yaml").read_text()))
    for claim in every:
        assert {claim.better, claim.worse} <= set(driver.row_names(claim.table))


def test_claims_of_the_paper_agree_with_its_own_table(driver):
    """Each claim holds in the published AUC of OTB-2015, or has a note, or no published value."""
    for table in ("table3", "table4"):
        published = read_rows(EXPERIMENTS / "published" / f"{table}.csv")
        for claim in read_claims(EXPERIMENTS / "claims.yaml", table):
            better, worse = (published[row]["otb2015_auc"] for row in (claim.better, claim.worse))
            assert not (better and worse) or float(better) > float(worse), claim.text


def test_rows_are_chosen_by_name_or_number(driver):
    assert driver.row_names("table3", "1,13") == ["row01", "row13"]
    assert driver.row_names("table4", "RAR_TDCF") == ["RAR_TDCF"]
    for wrong in ("77", "RAR", ","):
        with pytest.raises(InputError, match="row"):
            driver.row_names("table3", wrong)


def test_options_that_do_not_fit_are_refused(driver, tmp_path, capsys):
    assert driver.main(["table3", "--size", "local"]) == 2
    assert driver.main(["table3", "--size", "full", "--vid", str(tmp_path)]) == 2
    assert driver.main(["table3", "--seeds", "0"]) == 2
    assert driver.main(["table3", "--rows", "99", "--output", str(tmp_path)]) == 2
    assert "needs --train" in capsys.readouterr().err


def job_of(driver, tmp_path, **training):
    config = driver.configuration.from_dict({"training": {"epoch_clips": 16, "batch": 8, "epochs": 2, **training}})
    return driver.Job("row01", 0, tmp_path / "row01" / "seed0", config)


def test_progress_is_read_off_the_disk(driver, tmp_path):
    job = job_of(driver, tmp_path)
    assert driver.progress_of(job, 10) == ("start", 0, 4)
    (job.folder / "training").mkdir(parents=True)
    (job.folder / "training" / "log.csv").write_text("step,loss\n1,2\n2,2\n3,1\n")
    assert driver.progress_of(job, 10) == ("train", 3, 4)
    (job.folder / "training" / "last.npz").touch()
    (job.folder / "results").mkdir()
    (job.folder / "results" / "a.txt").touch()
    assert driver.progress_of(job, 10) == ("evaluate", 1, 10)
    (job.folder / "scores.json").write_text("{}")
    assert driver.progress_of(job, 10) == ("done", 1, 1)


def test_parts_of_a_job_add_up(driver):
    assert driver.part_done("start", 0, 4, 30.0, 10.0) == 0
    assert driver.part_done("train", 3, 4, 30.0, 10.0) == 22.5
    assert driver.part_done("evaluate", 5, 10, 30.0, 10.0) == 35
    assert driver.part_done("done", 1, 1, 30.0, 10.0) == 40


def test_a_job_begun_with_other_settings_is_refused(driver, tmp_path):
    job = job_of(driver, tmp_path)
    driver.write_job(job, driver.description(job, "thin", [], {"frames": 3}))
    driver.write_job(job, driver.description(job, "thin", [], {"frames": 3}))
    assert json.loads((job.folder / "job.json").read_text())["start"] == "thin"
    with pytest.raises(InputError, match="other settings"):
        driver.write_job(job, driver.description(job, "thin", [], {"frames": 4}))


def test_a_job_that_another_table_has_done_is_not_done_again(driver, tmp_path):
    first, second, other = (job_of(driver, tmp_path / table) for table in ("table3", "table4", "extra"))
    for job, frames in ((first, 3), (second, 3), (other, 4)):
        driver.write_job(job, driver.description(job, "thin", [], {"frames": frames}))
    (first.folder / "results").mkdir()
    (first.folder / "results" / "a.txt").write_text("1,2,3,4\n")
    (first.folder / "scores.json").write_text('{"a": {"auc": 0.5, "dp": 1}}')
    driver.take_equal([first, second, other], tmp_path)
    assert second.done and not other.done
    assert (second.folder / "results" / "a.txt").read_text() == "1,2,3,4\n"
    assert str(first.folder) in (second.folder / "log.txt").read_text()


def test_settings_change_the_size_and_rows_change_them(driver):
    call = ["table3", "--rows", "9,11", "--set", "training.epochs=7", "--set", "training.frozen=[conv1]"]
    arguments = driver.parse(call)
    free, frozen = driver.plan(arguments, driver.read_size("quick"))
    assert free.config.training.epochs == frozen.config.training.epochs == 7
    assert free.config.training.frozen == ("conv1",) and len(frozen.config.training.frozen) == 5


def test_every_seed_that_is_done_is_reported(driver, tmp_path):
    for row, seed in (("row01", 0), ("row01", 2), ("row13", 1)):
        folder = tmp_path / row / f"seed{seed}"
        folder.mkdir(parents=True)
        (folder / "scores.json").write_text(json.dumps({"a": {"auc": seed / 10, "dp": 1}}))
    rows = driver.read_scores(tmp_path, "table3")
    assert list(rows) == driver.row_names("table3")
    assert sorted(rows["row01"]) == [0, 2] and rows["row13"][1]["a"]["auc"] == 0.1 and not rows["row02"]


def test_costs_grow_with_frames_and_shrink_with_what_is_frozen(driver):
    overlay = driver.read_size("quick")["config"]
    frozen, free = (
        driver.costs_of(driver.row_config(EXPERIMENTS / "table3" / row / "config.yaml", overlay, 0), 100)
        for row in ("row11", "row09")
    )
    assert frozen[0] < free[0]
    assert frozen[1] == free[1] > 0


TINY = """about: Not comparable.
start: random
config:
  network: {width: 0.125, stem_channels: 8, lstm_hidden: 4, refinement_channels: 8, statistics: trained}
  filter: {contexts: 0}
  tracking: {input_size: 129, scales: 1}
  training: {epochs: 1, epoch_clips: 4, batch: 2, frozen: []}
evaluation: {synthetic: 2, frames: 3, seed: 5}
"""


@pytest.mark.slow
def test_a_table_is_made_interrupted_and_completed(driver, tmp_path):
    """The checkout's driver on two rows of a tiny size: stopped amid its first job, called again, called once more."""
    copy = tmp_path / "experiments"
    for name in ("driver.py", "rar.yaml", "claims.yaml", "table3", "published", "aws"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).symlink_to(EXPERIMENTS / name)
    (copy / "sizes").mkdir()
    (copy / "sizes" / "quick.yaml").write_text(TINY)
    out = tmp_path / "out"
    run = "import sys, driver, pathlib; driver.HERE = pathlib.Path(sys.argv.pop(1)); sys.exit(driver.main())"
    command = [sys.executable, "-c", run, str(copy), "table3", "--rows", "1,7", "--output", str(out), "--workers", "1"]
    environment = {**os.environ, "PYTHONPATH": str(EXPERIMENTS), "OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not list(out.glob("row*/seed0/log.txt")) and first.poll() is None:
        time.sleep(0.1)
    first.send_signal(signal.SIGINT)
    _, error = first.communicate(timeout=60)
    assert first.returncode == 130, error.decode()
    assert not list(out.glob("*/*/scores.json"))

    second = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert re.search("row0[17] seed 0 (starts|trains|is evaluated)", second.stderr)
    assert "Not comparable." in second.stdout
    assert len(list(out.glob("*/*/scores.json"))) == 2
    before = {path: path.stat().st_mtime_ns for path in out.glob("row*/**/*") if path.is_file()}

    third = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert third.returncode == 0, third.stderr
    assert {path: path.stat().st_mtime_ns for path in out.glob("row*/**/*") if path.is_file()} == before
    assert "row01" in (out / "table.csv").read_text()
