import pytest

from experiments import jobs


@pytest.fixture
def job_of():
    """Make a job of two epochs of two steps in a folder."""

    def make(folder, **training):
        values = {"training": {"epoch_clips": 16, "batch": 8, "epochs": 2, **training}}
        return jobs.Job("row01", 0, folder / "row01" / "seed0", jobs.configuration.from_dict(values))

    return make
