from pathlib import Path

import pytest

from rar_gluon import cli
from rar_gluon.cli import installation as doctor
from rar_gluon.common import InputError

DRIVER_ERROR = """Traceback (most recent call last):
  File "../include/mxnet/base.h", line 458
CUDA: Check failed: e == cudaSuccess (999 vs. 0) : unknown error"""


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
    findings = list(doctor.devices(gpu=True))
    assert not findings[0].good and "make clean && make EXTRA=cu112" in findings[0].fix and findings[-1].good
    assert all(finding.good for finding in doctor.devices(gpu=False))


def test_a_gpu_that_computes_something_else(monkeypatch):
    import mxnet as mx

    monkeypatch.setattr(mx.context, "num_gpus", lambda: 2)
    results = iter([0.0, 1e-6, 0.1])
    monkeypatch.setattr(doctor, "compute", lambda *_: doctor.np.array([next(results)]))
    findings = list(doctor.devices(gpu=True))
    assert [finding.good for finding in findings] == [True, True, False, True]
    assert "GPU 1" in findings[2].text and "machine code" in findings[2].fix


def test_versions_against_pins(monkeypatch):
    pins = ["numpy==1.0", "tqdm==9; python_version < '3.0'", "absent==1; extra == 'zoo'", "gone==2"]
    monkeypatch.setattr(doctor, "_requirements", lambda: pins)
    findings = {finding.text.split()[0]: finding for finding in doctor.versions()}
    assert not findings["numpy"].good and findings["numpy"].fix == "pip install numpy==1.0"
    assert findings["gone"].text.startswith("gone is missing") and "tqdm" not in findings and "absent" not in findings


@pytest.mark.parametrize("installed, good", [("1.16.3", True), ("1.26.0", True), ("1.2.0", False)])
def test_a_package_that_is_pinned_twice(monkeypatch, installed, good):
    """By two extras; such pins are MXNet's."""
    pins = ["onnxruntime==1.16.3; extra == 'test'", "onnxruntime==1.26.0; extra == 'bench'"]
    monkeypatch.setattr(doctor, "_requirements", lambda: pins)
    monkeypatch.setattr(doctor, "_version", {"onnxruntime": installed, "mxnet": "1.9.1"}.get)
    (findings,) = (finding for finding in doctor.versions() if finding.text.startswith("onnxruntime"))
    assert findings.good == good and findings.fix == "pip install onnxruntime==1.16.3"


@pytest.mark.parametrize("installed, good", [("2.13.0", True), ("2.13.0+cpu", True), ("2.12.0+cpu", False)])
def test_a_build_of_the_version_that_is_pinned(monkeypatch, installed, good):
    monkeypatch.setattr(doctor, "_requirements", lambda: ["torch==2.13.0; extra == 'bench'"])
    monkeypatch.setattr(doctor, "_version", {"torch": installed, "mxnet": "1.9.1"}.get)
    (finding,) = (finding for finding in doctor.versions() if finding.text.startswith("torch"))
    assert finding.good == good and f"torch {installed}" in finding.text


def test_an_installation_without_mxnet(monkeypatch):
    """Any version that is new enough is good, and ONNX Runtime computes."""
    requirements = ["numpy>=1.23.5", "tqdm>=5", "numpy==1.23.5; extra == 'cpu'", "onnxruntime>=1.16.3; extra == 'onnx'"]
    monkeypatch.setattr(doctor, "_requirements", lambda: requirements)
    monkeypatch.setattr(doctor, "_version", {"numpy": "2.5.1", "tqdm": "4.70", "onnxruntime": "1.32.0"}.get)
    findings = {finding.text: finding for finding in doctor.versions()}
    assert (
        findings["numpy 2.5.1"].good and findings["onnxruntime 1.32.0"].good and findings["wheels of MXNet: none"].good
    )
    assert findings["tqdm 4.70, but 5 or later is needed"].fix == "pip install 'tqdm>=5'"
    monkeypatch.setattr("builtins.__import__", replaced_import(ImportError("no MXNet")))
    (usual,), (gpu,) = doctor.devices(gpu=False), doctor.devices(gpu=True)
    monkeypatch.undo()
    assert usual.good and "ONNX Runtime tracks" in usual.text and not gpu.good


def test_what_is_installed_apart_is_what_the_makefile_installs():
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    assert all(f"{name}=={version}" in makefile for name, version in doctor.APART.items())


def test_a_driver_that_answers_an_error(monkeypatch):
    import mxnet as mx

    def answer():
        raise mx.base.MXNetError(DRIVER_ERROR)

    monkeypatch.setattr(mx.context, "num_gpus", answer)
    for gpu in (True, False):
        findings = [finding for finding in doctor.devices(gpu) if not finding.good]
        assert "NVIDIA's driver answers: unknown error" in [finding.text for finding in findings]
        assert "--gpus all" in findings[-1].fix
    assert list(doctor.devices(False))[-1].text == "the CPU computes"


def test_libraries_that_are_missing(monkeypatch):
    """Of the driver, and of the wheel."""
    for library, words in (("libcuda.so.1", "driver 525"), ("libcudnn.so.8", "rar-gluon[cu112]")):
        error = OSError(f"{library}: cannot open shared object file")
        monkeypatch.setattr("builtins.__import__", replaced_import(error))
        (findings,) = doctor.devices(gpu=False)
        monkeypatch.undo()
        assert not findings.good and library in findings.text and words in findings.fix


def replaced_import(error, usual=__import__):
    def load(name, *arguments):
        if name == "mxnet":
            raise error
        return usual(name, *arguments)

    return load


def test_datasets_and_disks(tmp_path, monkeypatch, capsys):
    (tmp_path / "a").mkdir()
    findings = list(doctor.datasets({"otb2015": tmp_path, "folder": tmp_path / "absent"}))
    assert [finding.good for finding in findings] == [False, False] and "rar data check otb2015" in findings[0].fix
    (tmp_path / "file").write_text("")
    assert not doctor.disk(tmp_path / "file").good
    monkeypatch.setattr(doctor, "FREE", 0)
    assert doctor.disk(tmp_path / "new").good and not (tmp_path / "new").exists()
    assert cli.main(["doctor", "--data", "otb2015"]) == 2
    assert "DATASET=DIR" in capsys.readouterr().err
    assert cli.main(["doctor", "--data", "otb2015=~nobodyx/OTB"]) == 2
    assert "names the home folder of nobody" in capsys.readouterr().err


def test_an_examination_looks_at_everything(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "output_folder", lambda _: (_ for _ in ()).throw(InputError("read-only.")))
    findings = doctor.examine(False, {"folder": tmp_path}, Path(tmp_path))
    assert findings[-1].text == "read-only." and findings[-2].text.startswith("folder")


@pytest.mark.parametrize(
    "marker, applies", [("", True), ("python_version >= '3.8'", True), ('python_version < "3.8"', False)]
)
def test_requirements_of_other_pythons(marker, applies):
    assert doctor._applies(marker) == applies
