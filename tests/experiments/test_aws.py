import subprocess
from pathlib import Path

import pytest

from experiments.aws.estimate import batch_fits, estimate, hours_around, main
from experiments.costs import CARDS, Machine, read_machines, training_macs
from rar_gluon import strict_yaml
from rar_gluon.net.cost import frame_macs

AWS = Path(__file__).parents[2] / "experiments" / "aws"


def test_hours_and_dollars_of_one_card(small_config, tmp_path):
    config = small_config(training={"templates": 2})
    (tmp_path / "cards.yaml").write_text(
        "utilisation: 0.5\ncards: {X: {tflops: 2.0, wheel: cu112, memory: 16}}\ninstances:\n"
        "  x1: {card: X, gpus: 4, cores: 6, dollars: 3000.0}\n  x2: {card: X, gpus: 1, cores: null, dollars: null}\n"
    )
    around = {"archive": 36, "download": 10, "unpack": 5, "pack": 12, "sequences": 0, "frames": 0}
    around.update(disk=730, disk_dollars=2.0)
    clips = 10**8
    hours = 2 * training_macs(config, clips) / 4e12 / 3600
    first, second = (
        line.split("|")
        for line in estimate(config, read_machines(tmp_path / "cards.yaml"), clips, around).splitlines()[2:]
    )
    assert float(first[4]) == pytest.approx(hours, abs=0.051) and hours > 10
    assert float(first[5]) == pytest.approx(3000 * hours, abs=0.51)
    assert float(second[4]) == pytest.approx(4 * hours, abs=0.051) and not second[5].strip()
    # before it: an hour of download, two of unpacking, two of packing on six cores; the disk costs 2 dollars an hour
    assert float(first[7]) == pytest.approx(hours + 5, abs=0.051)
    assert float(first[8]) == pytest.approx(3002 * (hours + 5), abs=0.51)
    assert not second[7].strip() and not second[8].strip()
    frames = 1e12 / 2 / sum(frame_macs(config).values())  # a second, on one GPU of either
    assert float(first[9]) == float(second[9]) == pytest.approx(frames, abs=0.051) and frames > 10


def test_validation_is_computed_on_one_gpu(small_config):
    config = small_config(training={"epochs": 3})
    machine = Machine("X", 4, "cu112", 4e12, 1.0, 16, 1)
    around = {"archive": 0, "download": 1, "unpack": 1, "pack": 0, "sequences": 5, "frames": 1000}
    frames = 4 * 5 * 1000
    expected = 2 * frames * sum(frame_macs(config).values()) / 1e12 / 3600
    assert hours_around(config, machine, around) == pytest.approx(expected) and expected > 0


def test_a_batch_fits_where_its_clips_do(small_config):
    config = small_config(training={"batch": 32})
    for gpus, memory, fits in ((8, 16, True), (4, 24, False), (4, 48, True), (1, 48, False), (8, 12, False)):
        assert batch_fits(config, Machine("X", gpus, "cu112", 1e12, 1.0, memory, 1), 2.7) is fits


def test_every_machine_has_a_card_and_a_line(small_config):
    machines = read_machines()
    assert {machine.wheel for machine in machines.values()} == {"cu112", "cu102"}
    around = strict_yaml.read(CARDS)["around"]
    lines = estimate(small_config(), machines, 10, around).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == list(machines)


def test_an_estimate_of_no_configuration_is_refused(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["estimate", "nosuch.yaml"])
    assert main() == 2
    error = capsys.readouterr().err
    assert error.startswith("estimate: ") and "nosuch.yaml" in error and error.count("\n") == 1


@pytest.mark.parametrize("script", ["setup.sh", "train.sh", "rehearse.sh"])
def test_scripts_parse(script):
    subprocess.run(["bash", "-n", str(AWS / script)], check=True, timeout=10)


@pytest.fixture
def train_sh(tmp_path):
    """A copy of train.sh in an environment whose `rar` says what it is called with: `train_sh(NAME=VALUE, ...)`."""
    folder = tmp_path / "experiments" / "aws"
    folder.mkdir(parents=True)
    (folder / "train.sh").write_bytes((AWS / "train.sh").read_bytes())
    for name, script in (("rar", 'echo "$@"'), ("python", "echo 0,1")):
        path = tmp_path / ".venv" / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(**variables):
        settings = (f"{name}={value}" for name, value in variables.items())
        command = ["env", "-u", "OUTPUT", "-u", "VALIDATION", "-u", "VID", *settings, "bash", str(folder / "train.sh")]
        return subprocess.run([*command, "--steps", "5"], capture_output=True, text=True, timeout=10)

    return run


def test_train_says_what_is_missing(train_sh):
    both = {"OUTPUT": "x", "VALIDATION": "v"}
    for variables, missing in (({}, "OUTPUT=..."), ({"OUTPUT": "x"}, "VALIDATION=..."), (both, "VID=...")):
        result = train_sh(**variables)
        assert result.returncode != 0 and missing in result.stderr


def test_train_validates_so_that_there_is_a_best_network(train_sh, tmp_path):
    result = train_sh(OUTPUT=tmp_path / "out", VALIDATION="held", VID="vid")
    prepared, trained = result.stdout.splitlines()
    assert prepared.startswith(f"prepare vid vid {tmp_path}/out/records --config experiments/rar.yaml")
    assert "--validation held" in trained and "--devices 0,1" in trained and trained.endswith("--steps 5")
