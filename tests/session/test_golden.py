"""Sessions that earlier versions wrote, as they lie in the tree: every later version restores them."""

import importlib.util
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
specification = importlib.util.spec_from_file_location("golden_session", GOLDEN / "golden_session.py")
golden = importlib.util.module_from_spec(specification)
specification.loader.exec_module(golden)


@pytest.mark.parametrize("name", ["session_v1.file", "session_v2.file"])
def test_a_session_of_an_earlier_version_is_restored_where_it_is_trusted(start, name):
    session = start()
    # It was written with a key that nobody has.
    assert "trust" in session.failing_call("restore", path=str(GOLDEN / name))
    report = session.restore(GOLDEN / name, trust=True)
    assert {name: entry for name, entry in report["variables"].items() if entry["status"] != "same"} == {}
    for expression, value in golden.EXPECTED.items():
        assert session.value(expression) == value
