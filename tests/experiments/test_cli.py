import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from experiments import cli, jobs, measures, rows
from experiments.ablation import read_rows
from experiments.claims import read_claims
from experiments.rows import own_words, row_names, same_settings
from experiments.sizes import Evaluation
from experiments.targets import TARGETS
from rar_gluon.common import InputError
from rar_gluon.report.published import LITERATURE
from rar_gluon.training.matching import Match, write_matches

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
TABLES = [target.name for target in TARGETS.values() if target.trains]


def parse(*options):
    """A call of Table 3."""
    return cli.parse(["table3", *options])[0]


@pytest.mark.parametrize("table", ["table3", "table4"])
def test_rows_are_those_that_are_published(table):
    assert sorted(read_rows(LITERATURE / f"{table}.csv")) == row_names(table)


def test_every_target_has_folder_and_script_and_says_what_it_is():
    for target in TARGETS:
        page, config = (EXPERIMENTS / target / name for name in ("README.md", "config.yaml"))
        assert page.is_file() or config.read_text().startswith("# "), target
        script = EXPERIMENTS / f"run_{target}.sh"
        assert os.access(script, os.X_OK) and f'-m experiments {target} "$@"' in script.read_text()


@pytest.mark.parametrize("table", TABLES)
def test_a_row_says_what_is_claimed_what_runs_and_what_is_assumed(table):
    """In a comment at the head of its YAML."""
    for row in row_names(table):
        text = (EXPERIMENTS / table / row / "config.yaml").read_text()
        head = text[: text.index("base:")]
        assert all(line.startswith("#") for line in head.splitlines()), row
        assert re.search(r"^# Claim: .*", head, re.MULTILINE) and re.search(r"^# Runs: .*", head, re.MULTILINE), row


def test_claims_are_of_rows_that_are_there():
    every = [claim for table in TABLES for claim in read_claims(EXPERIMENTS / "claims.yaml", table)]
    assert len(every) == len(yaml.safe_load((EXPERIMENTS / "claims.yaml").read_text()))
    for claim in every:
        assert {claim.better, claim.worse} <= set(row_names(claim.table))


def test_claims_of_the_paper_agree_with_its_own_table():
    """Each claim holds in the published AUC of OTB-2015, or has a note, or no published value."""
    for table in ("table3", "table4"):
        published = read_rows(LITERATURE / f"{table}.csv")
        for claim in read_claims(EXPERIMENTS / "claims.yaml", table):
            better, worse = (published[row]["otb2015_auc"] for row in (claim.better, claim.worse))
            assert not (better and worse) or float(better) > float(worse), claim.text


def test_rows_are_chosen_by_name_or_number():
    assert row_names("table3", "1,13") == ["row01", "row13"]
    assert row_names("table4", "RAR_TDCF") == ["RAR_TDCF"]
    assert row_names("table3", "1,row01,1") == ["row01"]
    for wrong in ("77", "RAR", ","):
        with pytest.raises(InputError, match="row"):
            row_names("table3", wrong)


def test_options_that_do_not_fit_are_refused(tmp_path, capsys):
    for call in (
        ["table3", "--size", "local"],
        ["table3", "--size", "full", "--vid", str(tmp_path)],
        ["table3", "--seeds", "0"],
        ["table3", "--rows", "99", "--output", str(tmp_path)],
        ["table3", "--set", "epochs", "--output", str(tmp_path)],
        ["table2", "--size", "local"],
        ["fig10", "--size", "full", "--otb", str(tmp_path)],
        ["fig10", "--size", "full", "--vot", str(tmp_path), "--frames", "150", "--dry-run"],
        ["fig10", "--size", "full", "--vot", str(tmp_path), "--sequences", "ball1", "--dry-run"],
        ["fig7", "--size", "full", "--otb", str(tmp_path), "--output", str(tmp_path / "out")],
        ["fig7", "--workers", "0"],
        ["fig7", "--rows", "1"],
        ["fig4", "--results", str(tmp_path)],
        ["fig7", "--devices", "0,1"],
        ["table3", "--weights", str(tmp_path / "none.npz")],
        ["table2", "--weights", str(tmp_path / "none.npz"), "--output", str(tmp_path / "out")],
        ["table3", "--otb", str(tmp_path)],
        ["table3", "--frames", "0"],
        ["table3", "--set", "training.seed=3", "--output", str(tmp_path / "out")],
        ["fig4", "--workers", "2"],
        ["table3", "--rows", "1", "--devices", "7", "--output", str(tmp_path / "out")],
        ["table3", "--seeds", "1,x"],
        ["table3", "--outcomes", "speed"],
        ["table3", "--pairs", "0"],
        ["table3", "--sequences", "a"],
        ["table3", "--size", "local", "--eval", str(tmp_path), "--records", str(tmp_path)],
    ):
        assert cli.main(call) == 2, call
        error = capsys.readouterr().err
        assert error.startswith("experiments: ") and error.count("\n") == 1, error


def test_steps_of_a_curve_lie_within_the_training(tmp_path):
    assert parse("--curve", "4,2,4").size.matching.steps == (2, 4)
    for wrong in ("0", "2,x", ","):
        with pytest.raises(InputError, match="--curve"):
            parse("--curve", wrong)
    call = parse("--curve", "2,999", "--output", str(tmp_path))
    with pytest.raises(InputError, match="--curve 999 is not before the last step, 18"):
        rows.check_call(call, rows.jobs_of(call), [])


def test_settings_change_the_size_and_rows_change_them():
    call = parse("--rows", "9,11", "--set", "training.epochs=7", "--set", "training.frozen=[conv1]")
    free, frozen = rows.jobs_of(call)
    assert free.config.training.epochs == frozen.config.training.epochs == 7
    assert free.config.training.frozen == ("conv1",) and len(frozen.config.training.frozen) == 5


def test_every_seed_that_is_done_with_these_settings_is_reported(tmp_path):
    call = parse("--output", str(tmp_path))
    other = parse("--output", str(tmp_path), "--set", "training.epochs=9")
    evaluation = Evaluation(3, synthetic=1)
    data = jobs.data_of(None, {}, call.size.matching, evaluation, [])
    for one, row, seed in ((call, "row01", 0), (call, "row01", 2), (call, "row13", 1), (other, "row13", 2)):
        job = rows.make_job(one, row, seed)
        jobs.write_job(job, data)
        (job.folder / "scores.json").write_text("{}")
    shutil.copytree(tmp_path / "row01" / "seed0", tmp_path / "row01" / "seed0.bak")
    unfinished = rows.make_job(call, "row02", 0)
    jobs.write_job(unfinished, data)
    folders = rows.read_outcomes(call, data)
    assert list(folders) == row_names("table3")
    assert folders["row01"] == {seed: tmp_path / "row01" / f"seed{seed}" for seed in (0, 2)}
    assert list(folders["row13"]) == [1] and not folders["row02"]
    for changes in ({"start": "random"}, {"tracking": Evaluation(24, synthetic=1)}):
        settings = {"start": None, "tracking": evaluation, **changes}
        others = jobs.data_of(settings["start"], {}, call.size.matching, settings["tracking"], [])
        assert not any(rows.read_outcomes(call, others).values())


def test_a_report_holds_both_outcomes_and_the_gates(tmp_path):
    """Row 9 matches and tracks better than row 1 on each of eight sequences, with two seeds."""
    call = parse("--output", str(tmp_path), "--frames", "9", "--curve", "50", "--pairs", "40")
    folders = {row: {} for row in row_names("table3")}
    for row, error, auc in (("row01", 1.5, 0.4), ("row09", 0.7, 0.5)):
        for seed in (0, 1):
            folder = folders[row][seed] = tmp_path / row / f"seed{seed}"
            for step in (50, 150):
                pairs = [Match(f"s{i}", 0.5, error if step == 150 or i else 3.0) for i in range(8) for _ in range(5)]
                write_matches(folder / "matching" / f"{step}.csv", pairs)
            gates = {"150": {"gates": {"conv4.channel": 0.1 * (seed + 1)}}}
            (folder / "matching.json").write_text(json.dumps(gates))
            scores = {f"s{i}": {"auc": auc + 0.01 * seed, "dp": 0.9} for i in range(8)}
            (folder / "scores.json").write_text(json.dumps(scores))
    text = rows.report_rows(call, folders, "T")
    assert "Changed from the size: --frames 9, --pairs 40, --curve 50." in text
    assert len(re.findall(r"three stages beat conv3 .*row09 +row01 +supported", text)) == 2
    claims = (tmp_path / "claims_within_1.csv").read_text().splitlines()
    (claim,) = (line for line in claims if line.startswith("three stages beat conv3,"))
    assert "supported,1.0,1.0,1.0," in claim and claim.endswith(",2,8,0.875,0.625,1.0")  # after 50 steps: all but s0
    assert "0.15" in (tmp_path / "gates.csv").read_text()
    assert "0.651" in (tmp_path / "matching.csv").read_text()


def test_seeds_of_another_run_are_reported_and_not_made_again(tmp_path):
    """Two machines, a seed of rows 1 and 9 each: verdicts are on both, and a third call has nothing to do."""
    for seed, error in ((0, 1.5), (1, 1.4)):
        call = parse("--output", str(tmp_path / f"machine{seed}"))
        folders = {row: {} for row in row_names("table3")}
        for row, shift in (("row01", 0.0), ("row09", -1.0)):
            folder = folders[row][seed] = call.output / row / f"seed{seed}"
            write_matches(folder / "matching" / "9.csv", [Match(f"s{i}", 0.5, error + shift) for i in range(8)] * 5)
            (folder / "matching.json").write_text('{"9": {"gates": {}}}')
        rows.report_rows(call, folders, "T")
    first, second = (tmp_path / f"machine{seed}" / "by_sequence.csv" for seed in (0, 1))
    both = parse("--output", str(tmp_path / "both"), "--add", str(first), "--add", str(second))
    text = rows.report_rows(both, {row: {} for row in row_names("table3")}, "T")
    assert re.search(r"three stages beat conv3 .*row09 +row01 +supported +\+1.0000 .* 2\n", text)
    verdicts = tmp_path / "machine0" / "claims_within_1.csv"
    pooled = parse("--output", str(tmp_path / "pooled"), "--add", str(second), "--pool", str(verdicts))
    text = rows.report_rows(pooled, {row: {} for row in row_names("table3")}, "T")
    assert re.search(r"three stages beat conv3 .*row09 +row01 +supported +\+1.0000 .* 2 +\+1.0000 +\+1.0000\n", text)
    with pytest.raises(InputError, match="holds no verdicts"):
        parse("--pool", str(second))
    with pytest.raises(InputError, match="must be named claims_within_1.csv or"):
        parse("--pool", str(verdicts.rename(tmp_path / "old.csv")))
    added = measures.read_numbers(tmp_path / "both" / "by_sequence.csv")
    assert added["row09"][1]["s3"] == {"pairs": 5, "within_1": 1, "within_0.5": 1, "within_2": 1, "loss": 0.5}
    job = rows.make_job(parse("--outcomes", "matching"), "row09", 1)
    assert measures.holds(added, job, 40) and not measures.holds(added, job, 41)
    assert not measures.holds(added, replace(job, seed=2), 40)
    assert not measures.holds(added, replace(job, outcomes=("matching", "tracking")), 40)


def test_of_a_seed_that_two_runs_have_our_own_is_reported(tmp_path):
    ours, theirs = ({"row01": {0: {"s": {"loss": value}}}, "row02": {}} for value in (0.25, 0.75))
    theirs["row01"][3] = {"s": {"auc": 0.5}}
    measures.write_numbers(tmp_path / "by_sequence.csv", theirs)
    assert b"\r" not in (tmp_path / "by_sequence.csv").read_bytes()  # as in the other tables
    merged = measures.with_added(ours, [tmp_path / "by_sequence.csv"])
    assert merged == {"row01": {0: {"s": {"loss": 0.25}}, 3: {"s": {"auc": 0.5}}}, "row02": {}}
    with pytest.raises(InputError, match="none of this table"):
        measures.with_added({"RAR": {}}, [tmp_path / "by_sequence.csv"])
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for path in (tmp_path / "other.csv", tmp_path / "absent.csv"):
        with pytest.raises(InputError, match="is no by_sequence.csv of a report"):
            parse("--add", str(path))


def test_seeds_are_counted_or_named():
    assert cli.read_seeds("3") == (0, 1, 2) and cli.read_seeds("3,4") == (3, 4) and cli.read_seeds("7,") == (7,)


def test_what_would_stop_every_job_is_said_before_the_first(tmp_path):
    job = rows.make_job(parse(), "row01", 0)  # a batch of 4
    with pytest.raises(InputError, match="shared equally"):
        rows.check_call(parse("--devices", "0,1,2"), [job], [])
    with pytest.raises(InputError, match="named twice"):
        rows.check_call(parse("--devices", "0,0"), [job], [])
    rows.check_call(parse("--devices", "0,1,2", "--workers", "3"), [job], [])
    (tmp_path / "walk").mkdir()
    call = parse("--size", "local", "--train", str(tmp_path), "--eval", str(tmp_path))
    with pytest.raises(InputError, match="walk is in --train"):
        rows.check_call(call, [job], ["run", "walk"])


def test_changes_of_a_call_are_in_its_report():
    assert parse().changes_text == ()
    (text,) = parse("--set", "training.epochs=9", "--frames", "3").changes_text
    assert "training.epochs=9" in text and "--frames 3" in text


def test_a_dry_run_does_nothing_and_says_what_it_would_cost(tmp_path, capsys):
    output = tmp_path / "out"
    assert cli.main(["table3", "--rows", "1,3", "--dry-run", "--size", "full", "--output", str(output)]) == 0
    text = capsys.readouterr().out
    assert "2 jobs, 59035 frames" in text and "p3.2xlarge" in text and "dollars" in text and "hours = FLOP" in text
    assert cli.main(["fig7", "--dry-run", "--output", str(output)]) == 0
    assert "hours here" in capsys.readouterr().out
    assert not output.exists()


@pytest.fixture
def copy(tmp_path, tiny_size):
    """The checkout's experiments, with a size of its own."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    for path in EXPERIMENTS.iterdir():
        if path.name != "sizes":
            (folder / path.name).symlink_to(path)
    (folder / "sizes").mkdir()
    (folder / "sizes" / "quick.yaml").write_text(tiny_size)
    return folder


@pytest.mark.slow
def test_a_table_is_made_interrupted_and_completed(copy, tmp_path, monkeypatch, capsys):
    """The checkout's driver on two rows of a tiny size: stopped amid its first job, called again, called once more."""
    out = tmp_path / "out"
    run = (
        "import sys, pathlib; from experiments import sizes; sizes.HERE = pathlib.Path(sys.argv.pop(1)); "
        "from experiments.cli import main; sys.exit(main())"
    )
    call = ["table3", "--rows", "1,7", "--output", str(out), "--workers", "1", "--start", "random"]
    command = [sys.executable, "-c", run, str(copy), *call]
    environment = {**os.environ, "PYTHONPATH": str(EXPERIMENTS.parent), "OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not list(out.glob("row*/seed0/log.txt")) and first.poll() is None:
        time.sleep(0.1)
    first.send_signal(signal.SIGTERM)
    _, error = first.communicate(timeout=240)  # its job has to load first, on a busy machine
    assert first.returncode == 128 + signal.SIGTERM, error.decode()
    assert error.decode().endswith("experiments: stopped by SIGTERM; the same call goes on.\n")
    assert not list(out.glob("*/*/scores.json"))

    second = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert re.search("row0[17] seed 0 (starts|trains|is matched|tracks)", second.stderr)
    assert "Not comparable." in second.stdout
    assert len(list(out.glob("*/*/scores.json"))) == 2
    before = {path: path.stat().st_mtime_ns for path in out.glob("row*/**/*") if path.is_file()}

    monkeypatch.setattr("experiments.sizes.HERE", copy)
    assert cli.main(call) == 0, capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in out.glob("row*/**/*") if path.is_file()} == before
    assert "row01" in (out / "table.csv").read_text()


@pytest.mark.parametrize(
    "more, same", [("network: {dilate: true}", True), ("network: {deformable: [conv3, conv4]}", False)]
)
def test_a_row_of_ones_own_that_is_another_one_at_this_size(tmp_path, monkeypatch, more, same):
    """Size quick dilates every row. The report says what it changes."""
    copy = tmp_path / "experiments"
    shutil.copytree(EXPERIMENTS, copy)
    monkeypatch.setattr("experiments.rows.HERE", copy)
    monkeypatch.setattr("experiments.sizes.HERE", copy)
    (copy / "table3" / "row16").mkdir()
    (copy / "table3" / "row16" / "config.yaml").write_text(f"base: ../row13/config.yaml\n{more}\n")
    call, _ = cli.parse(["table3", "--rows", "row13,row16"])
    call = replace(call, size=replace(call.size, config={**call.size.config, "network": {"dilate": True}}))
    sentences = same_settings(call)
    assert sentences == (["At size quick row16 has row13's settings, so its numbers are row13's."] if same else [])
    assert own_words("table3", "row16").startswith("yours: network.")


def test_a_shortened_call_has_an_output_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    outputs = {
        cli.parse(["table3", *more])[0].output.name
        for more in ([], ["--set", "training.epochs=1"], ["--set", "training.epochs=2"], ["--frames", "3"])
    }
    assert len(outputs) == 4 and "table3-quick" in outputs
    assert cli.parse(["table3", "--set", "training.epochs=1", "--output", "mine"])[0].output.name == "mine"


WITHOUT_MXNET = """
import runpy, sys

class Missing:
    def find_spec(name, *_):
        if name == "mxnet":
            raise ModuleNotFoundError(name=name)

sys.meta_path.insert(0, Missing)
runpy.run_module("experiments", run_name="__main__")
"""


def test_without_mxnet_one_sentence_says_so():
    environment = {**os.environ, "PYTHONPATH": str(EXPERIMENTS.parent)}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MXNET], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("experiments: this needs MXNet, which is not installed")


def test_shortened_sequences_have_boxes_that_targets_share(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    whole, short, other = (
        [cli.parse([target, *more])[0].boxes for target in ("table2", "fig7")]
        for more in ([], ["--frames", "30"], ["--frames", "40"])
    )
    assert whole == [tmp_path / "runs" / "boxes-quick"] * 2
    assert short[0] == short[1] and other[0] == other[1] and len({whole[0], short[0], other[0]}) == 3


def test_what_is_packed_of_one_source_leaves_room_for_others(monkeypatch, tmp_path):
    """Two folders of one name, and windows of another size; what is there is not packed again."""
    packed = []

    def prepare(command, check):
        packed.append(Path(command[6]))
        packed[-1].mkdir(parents=True)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(rows.subprocess, "run", prepare)
    monkeypatch.setattr(rows, "names_of", lambda *_: ["walk"])
    folders = [tmp_path / name / "videos" for name in ("train", "one", "two")]
    for folder in folders:
        folder.mkdir(parents=True)
    train, one, two = map(str, folders)
    local = ["--size", "local", "--output", str(tmp_path / "out"), "--train", train, "--eval", one, "--eval", two]
    for more in ([], [], ["--set", "tracking.input_size=159"]):
        call = parse(*local, *more)
        (records,), pairs = rows.prepare_records(call), rows.prepare_pairs(call).records
        assert {Path(records), *map(Path, pairs)} == set(packed[-3:])
    assert len(set(packed)) == len(packed) == 6
    assert {path.name[: -len("-12345678")] for path in packed} == {"records-local", "videos"}
