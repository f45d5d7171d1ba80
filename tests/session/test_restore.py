"""What a restore does to the session it is made in, and what it says."""

import pytest


def test_existing_variables_of_the_same_name_are_replaced_and_named(start):
    first = start()
    first.run("x = 1; y = 2")
    first.checkpoint()
    second = start()
    second.run("x = 'old'; mine = [7]")
    report = second.restore()
    assert second.value("x, y, mine") == [1, 2, [7]]
    assert report["replaced"] == ["x"]
    second.run("mine.append(x)")
    second.checkpoint()
    third = start()
    third.restore()
    assert third.value("x, mine") == [1, [7, 1]]


def test_an_object_that_pickles_but_does_not_load_is_recomputed(start):
    first = start()
    first.run(
        """
        import os
        def build(value):
            if os.path.exists('broken'): raise RuntimeError('no longer')
            return Thing(value)
        class Thing:
            def __init__(self, value): self.value = value
            def __reduce__(self): return build, (self.value,)
        """,
        "keep = [1]",
        "thing = Thing(3)",
    )
    first.checkpoint(plan="store-all")
    second = start()
    second.run("open('broken', 'w').close()")
    report = second.restore()
    assert report["variables"]["thing"]["status"] == "recomputed"
    assert "no longer" in report["variables"]["thing"]["why"]
    assert second.value("thing.value, keep") == [3, [1]]


def test_a_rerun_that_raises_is_reported_and_the_rest_comes_back(start):
    first = start()
    first.run(
        "import os\nkeep = [1, 2]",
        "if os.path.exists('stop'): raise OSError('not here')\ngen = (i for i in range(3))",
    )
    first.checkpoint()
    second = start()
    second.run("open('stop', 'w').close()")
    report = second.restore()
    assert report["variables"]["gen"]["status"] == "lost"
    assert "not here" in report["variables"]["gen"]["why"]
    assert second.value("keep") == [1, 2]


def test_rerun_cells_show_nothing(start):
    first = start()
    first.run("print('loud')\ngen = (i for i in range(3))")
    first.checkpoint()
    second = start()
    answer = second.run("%restore")
    assert "loud" not in answer["output"]
    assert second.value("list(gen)") == [0, 1, 2]


def test_an_interrupted_restore_leaves_the_session_as_it_was(start):
    first = start()
    first.run(
        "x = 1",
        "import os, signal\nif os.path.exists('interrupt'): signal.raise_signal(signal.SIGINT)\n"
        "gen = (i for i in range(3))",
    )
    first.checkpoint()
    second = start()
    second.run("x = 'mine'; other = 2", "open('interrupt', 'w').close()")
    answer = second.run("%restore", fails=True)
    assert "KeyboardInterrupt" in answer["error"]
    assert second.value("x, other") == ["mine", 2]
    assert "NameError" in second.error_of("gen")


def test_only_skip_safe_and_dry_run(start):
    first = start()
    first.run("a = 1", "b = [2]", "gen = (i for i in range(3))")
    first.checkpoint()
    second = start()
    assert second.restore(dry_run=True)["variables"]["a"]["status"] == "same"
    assert "NameError" in second.error_of("a")
    second.restore(only=["a"])
    assert second.value("a") == 1
    assert "NameError" in second.error_of("b")
    third = start()
    third.restore(skip="a")
    assert third.value("b") == [2]
    assert "NameError" in third.error_of("a")
    fourth = start()
    report = fourth.restore(safe=True)
    assert report["cells_rerun"] == []
    assert report["variables"]["gen"]["status"] == "lost"


def test_async_cells_are_run_again(start):
    first = start()
    first.run("import asyncio", "await asyncio.sleep(0)\ngen = (i for i in range(2))")
    first.checkpoint()
    second = start()
    second.run("%restore")
    assert second.value("list(gen)") == [0, 1]


def test_a_checkpoint_by_somebody_else_needs_trust(start, tmp_path):
    first = start()
    first.run("x = 1")
    first.checkpoint(tmp_path / "handed over")
    other = start(XDG_DATA_HOME=str(tmp_path / "somebody else"))
    assert "--trust" in other.failing_call("restore", path=str(tmp_path / "handed over"))
    other.restore(tmp_path / "handed over", trust=True)
    assert other.value("x") == 1


def test_what_a_restored_session_does_at_once_is_seen(start, tmp_path):
    """The values are looked through after the restore's reply, or by the next cell if that comes first."""
    first = start()
    first.run("import numpy as np", "a = np.zeros(1000); b = a[:10]; c = [1]; d = [c]; e = 5")
    first.checkpoint(tmp_path / "store", plan="store-all")
    second = start()
    second.restore(tmp_path / "store")
    second.run("b[0] = 1.0", "c.append(2)", "e = 6")
    assert second.value("bool(a[0]), d") == [True, [[1, 2]]]
    written = {tuple(sorted(cell["writes"])) for cell in second.call("history")[-3:]}
    assert written == {("a", "b"), ("c", "d"), ("e",)}
    third = start()
    second.checkpoint(tmp_path / "again")
    third.restore(tmp_path / "again")
    assert third.value("bool(a[0]), bool(np.shares_memory(a, b)), d[0] is c, e") == [True, True, True, 6]


def test_a_cell_that_restores_and_goes_on_is_seen(start, tmp_path):
    first = start()
    first.run("c = [1]")
    first.checkpoint(tmp_path / "store")
    second = start()
    second.run(f"import elasticpython as ep\nep.restore({str(tmp_path / 'store')!r})\nc.append(2)")
    assert second.call("history")[-1]["writes"] == ["c"]
    second.checkpoint(tmp_path / "again")
    third = start()
    third.restore(tmp_path / "again")
    assert third.value("c") == [1, 2]


def test_a_large_restored_array_can_be_rebound(start):
    first = start()
    first.run("import numpy as np", "import time; time.sleep(0.3); array = np.arange(2_000_000.0)")
    first.checkpoint()
    second = start()
    second.restore()
    second.run("other = 1", "array = np.ones(2_000_000)", "array = 3")
    assert second.value("array") == 3


def test_what_is_mapped_is_not_read_by_the_restore(start, tmp_path):
    first = start()
    first.run("import numpy as np", "big = np.random.default_rng(0).random(12_000_000)")
    first.checkpoint(tmp_path / "here", plan="store-all")
    second = start()
    second.run("import numpy as np")
    resident = "int(open('/proc/self/statm').read().split()[1]) * 4096"
    before = second.value(resident)
    second.restore(tmp_path / "here")
    assert second.value(resident) - before < 48_000_000  # of 96
    assert second.value("float(big[5])") == first.value("float(big[5])")


def test_what_is_slow_to_import_is_not_imported_for_a_restore(start):
    first = start()
    first.run("import pandas as pd", "frame = pd.DataFrame({'x': [1.5, 2.5]})")
    first.checkpoint(plan="store-all")
    second = start()
    second.value("__import__('pandas').__version__")
    slow = "sorted({'html', 'importlib.metadata'} & __import__('sys').modules.keys())"
    before = second.value(slow)
    second.restore()
    assert second.value(slow) == before


def test_ctypes_is_imported_for_its_own_objects_only(start):
    loaded = "'_ctypes' in __import__('sys').modules"
    first = start()
    first.run("x = [1]")
    before = first.value(loaded)
    first.checkpoint(plan="store-all")
    assert not before and not first.value(loaded)
    second = start()
    second.restore()
    assert second.value("x") == [1] and not second.value(loaded)


@pytest.mark.parametrize("change, status, said", [
    ("", "same", ""),
    ("open('big.dat', 'r+b').write(bytes(4))", "differs", "may hold something else"),
    ("os.truncate('big.dat', 12)", "lost", "shorter than the 4000 bytes"),
    ("os.remove('big.dat')", "lost", "No such file"),
])
def test_a_mapped_file_is_mapped_again_where_it_holds_what_was_mapped(start, change, status, said):
    first = start()
    first.run("import numpy as np",
              "m = np.memmap('big.dat', 'f4', 'w+', shape=(1000,)); m[:] = 3", "x = m[5:]")
    first.checkpoint()
    first.kill()
    second = start()
    second.run("import os", change)
    entries = second.restore()["variables"]
    assert entries["m"]["status"] == status, entries
    assert said in entries["m"].get("difference", "") + entries["m"]["why"], entries
    if status == "same":
        second.run("x[0] = 7; seen = float(m[5]), float(np.fromfile('big.dat', 'f4')[5])")
        assert second.value("seen") == [7, 7]


def test_settings_of_libraries_come_back(start):
    first = start()
    first.run(
        "import sys, sklearn, numpy as np, pandas as pd",
        "sklearn.set_config(transform_output='pandas', enable_metadata_routing=True)",
        "pd.set_option('display.max_rows', 7); np.set_printoptions(precision=3)",
        "sys.setrecursionlimit(4321); sys.set_int_max_str_digits(0)",
    )
    first.checkpoint()
    second = start()
    second.restore()
    second.run("from sklearn.preprocessing import StandardScaler\n"
               "kind = type(StandardScaler().fit_transform(pd.DataFrame({'a': [1., 2.]}))).__name__")
    assert second.value("[kind, sklearn.get_config()['enable_metadata_routing']]") == ["DataFrame", True]
    assert second.value("[pd.get_option('display.max_rows'), np.get_printoptions()['precision']]") == [7, 3]
    assert second.value("[sys.getrecursionlimit(), len(str(10**5000))]") == [4321, 5001]
