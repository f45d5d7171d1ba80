"""Every case of `serializer_cases`, pickled in one process and loaded in another."""
import pytest
from serializer_cases import CASES
from serializer_fixtures import environment, package_path, round_trips   # noqa: F401


def test_both_processes_end_well(round_trips):   # noqa: F811
    assert "process" not in round_trips, round_trips["process"]


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_comes_back(name, round_trips):   # noqa: F811
    problem = round_trips.get(name, "was not reached")
    if problem and problem.startswith("skip: "):
        pytest.skip(problem)
    assert problem is None, problem
