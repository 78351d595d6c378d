import subprocess
from pathlib import Path

import pytest

from experiments.aws.estimate import estimate
from experiments.costs import read_machines, training_macs

AWS = Path(__file__).parents[2] / "experiments" / "aws"


def test_hours_and_dollars_of_one_card(small_config, tmp_path):
    config = small_config(training={"templates": 2})
    (tmp_path / "cards.yaml").write_text(
        "utilisation: 0.5\ncards: {X: {tflops: 2.0, wheel: cu112}}\ninstances:\n"
        "  x1: {card: X, gpus: 4, dollars: 3000.0}\n  x2: {card: X, gpus: 1, dollars: null}\n"
    )
    clips = 10**8
    hours = 2 * training_macs(config, clips) / 4e12 / 3600
    first, second = (
        line.split("|") for line in estimate(config, read_machines(tmp_path / "cards.yaml"), clips).splitlines()[2:]
    )
    assert float(first[4]) == pytest.approx(hours, abs=0.051) and hours > 10
    assert float(first[5]) == pytest.approx(3000 * hours, abs=0.51)
    assert float(second[4]) == pytest.approx(4 * hours, abs=0.051) and not second[5].strip()


def test_every_machine_has_a_card_and_a_line(small_config):
    machines = read_machines()
    assert {machine.wheel for machine in machines.values()} == {"cu112", "cu102"}
    lines = estimate(small_config(), machines, 10).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == list(machines)


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
        given = (f"{name}={value}" for name, value in variables.items())
        command = ["env", "-u", "OUTPUT", "-u", "VALIDATION", "-u", "VID", *given, "bash", str(folder / "train.sh")]
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
