import pytest

from experiments import comparisons, jobs


@pytest.fixture
def job_of():
    """Make a job of two epochs of two steps in a folder."""

    def make(folder, **training):
        values = {"training": {"epoch_clips": 16, "batch": 8, "epochs": 2, **training}}
        return jobs.Job("row01", 0, folder / "row01" / "seed0", jobs.configuration.from_dict(values))

    return make


@pytest.fixture
def peer_in_our_place(monkeypatch):
    """Let a peer be run where ours is, with the device that only ours takes."""
    usual = comparisons.runnable
    monkeypatch.setattr(comparisons, "runnable", lambda tracker, *_, **__: usual(tracker))
