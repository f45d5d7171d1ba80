"""Sessions that earlier versions wrote, as they lie in the tree: every later version restores them."""

import importlib.util
from pathlib import Path

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
specification = importlib.util.spec_from_file_location("golden_session", GOLDEN / "golden_session.py")
golden = importlib.util.module_from_spec(specification)
specification.loader.exec_module(golden)


def test_a_session_of_version_one_is_restored_where_it_is_trusted(start):
    session = start()
    # It was written with a key that nobody has.
    assert "trust" in session.failing_call("restore", path=str(GOLDEN / "session_v1.file"))
    report = session.restore(GOLDEN / "session_v1.file", trust=True)
    assert {name: entry for name, entry in report["variables"].items() if entry["status"] != "same"} == {}
    for expression, value in golden.EXPECTED.items():
        assert session.value(expression) == value
