from pathlib import Path

import pytest

from rar_gluon import cli
from rar_gluon.cli import installation as doctor
from rar_gluon.common import InputError


def test_this_installation(capsys, tmp_path):
    """Findings that depend on the machine, its disk and its wheels, may be bad; each has a fix."""
    status = cli.main(["doctor", "--folder", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok   rar-gluon ") and any("GPUs" in line for line in lines)
    bad = [number for number, line in enumerate(lines) if line.startswith("BAD ")]
    assert status == bool(bad) and all(lines[number + 1].startswith("     ") for number in bad)


def test_a_gpu_that_is_not_there(monkeypatch):
    import mxnet as mx

    monkeypatch.setattr(mx.context, "num_gpus", lambda: 0)
    found = list(doctor.devices(gpu=True))
    assert not found[0].good and "nvidia-smi" in found[0].fix and found[-1].good
    assert all(finding.good for finding in doctor.devices(gpu=False))


def test_a_gpu_that_computes_something_else(monkeypatch):
    import mxnet as mx

    monkeypatch.setattr(mx.context, "num_gpus", lambda: 2)
    results = iter([0.0, 1e-6, 0.1])
    monkeypatch.setattr(doctor, "compute", lambda *_: doctor.np.array([next(results)]))
    found = list(doctor.devices(gpu=True))
    assert [finding.good for finding in found] == [True, True, False, True]
    assert "GPU 1" in found[2].text and "machine code" in found[2].fix


def test_versions_against_pins(monkeypatch):
    pins = ["numpy==1.0", "tqdm==9; python_version < '3.0'", "absent==1; extra == 'zoo'", "gone==2"]
    monkeypatch.setattr(doctor, "_requirements", lambda: pins)
    found = {finding.text.split()[0]: finding for finding in doctor.versions()}
    assert not found["numpy"].good and found["numpy"].fix == "pip install numpy==1.0"
    assert found["gone"].text.startswith("gone is missing") and "tqdm" not in found and "absent" not in found


def test_datasets_and_disks(tmp_path, monkeypatch, capsys):
    (tmp_path / "a").mkdir()
    found = list(doctor.datasets({"otb2015": tmp_path, "folder": tmp_path / "absent"}))
    assert [finding.good for finding in found] == [False, False] and "rar data check otb2015" in found[0].fix
    (tmp_path / "file").write_text("")
    assert not doctor.disk(tmp_path / "file").good
    monkeypatch.setattr(doctor, "FREE", 0)
    assert doctor.disk(tmp_path / "new").good and not (tmp_path / "new").exists()
    assert cli.main(["doctor", "--data", "otb2015"]) == 2
    assert "DATASET=DIR" in capsys.readouterr().err


def test_an_examination_looks_at_everything(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "output_folder", lambda _: (_ for _ in ()).throw(InputError("read-only.")))
    found = doctor.examine(False, {"folder": tmp_path}, Path(tmp_path))
    assert found[-1].text == "read-only." and found[-2].text.startswith("folder")


@pytest.mark.parametrize(
    "marker, applies", [("", True), ("python_version >= '3.8'", True), ('python_version < "3.8"', False)]
)
def test_requirements_of_other_pythons(marker, applies):
    assert doctor._applies(marker) == applies
