import ctypes
from importlib import metadata

from rar_gluon import cuda


def test_nothing_is_loaded_for_other_wheels(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    monkeypatch.setattr(ctypes, "CDLL", None)
    assert cuda.load_libraries() == []


def test_the_libraries_of_the_wheel_are_loaded_in_their_order(monkeypatch, tmp_path):
    """Those that are there; one that cannot be loaded is left to the import of MXNet."""
    loaded = []

    def load(path, mode):
        assert mode == ctypes.RTLD_GLOBAL
        if "nccl" in path:
            raise OSError("no")
        loaded.append(path)

    for name in cuda.LIBRARIES[:-1]:
        (tmp_path / "nvidia" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "nvidia" / name).touch()
    monkeypatch.setattr(metadata, "version", lambda name: "1.9.1")
    monkeypatch.setattr(cuda.sys, "path", ["", str(tmp_path)])
    monkeypatch.setattr(ctypes, "CDLL", load)
    names = cuda.load_libraries()
    assert names == [path.rpartition("/")[2] for path in loaded] and len(names) == len(cuda.LIBRARIES) - 2
    assert names.index("libcublasLt.so.11") < names.index("libcublas.so.11") < names.index("libcusolver.so.11")
