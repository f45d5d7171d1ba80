"""%restore --lazy: what no re-run needs is loaded when a cell reads it; nobody sees less than all of it."""

import pytest

BIG = "big = [{'n': i, 'text': str(i)} for i in range(3000)]"


def there(process):
    """The user's variables that are in the namespace, looked at past every cell."""
    return set(process.value("[n for n in list(globals()) if n in "
                             "{'x', 'y', 'z', 'big', 'alias', 'f', 'g', 'A', 'a'}]"))


def said(process, cell):
    return process.run(cell)["output"]


@pytest.fixture
def restored(start, tmp_path):
    """Runs cells in one process, and restores them lazily in another, whose `report` is the restore's."""

    def run(*cells, plan="store-all", before=(), **options):
        first = start()
        first.run(*cells)
        first.checkpoint(tmp_path / "here", plan=plan)
        second = start()
        for cell in before:
            second.run(cell)
        second.report = second.call("restore", path=str(tmp_path / "here"), lazy=True, **options)
        return second

    return run


def test_a_cell_finds_what_it_reads_and_the_rest_stays_away(restored):
    process = restored("x = [1, 2]", "y = {'a': 1}", "z = 'text'")
    assert process.report["deferred"] == ["x", "y", "z"]
    assert there(process) == set()
    assert said(process, "print(x)") == "[1, 2]\n"
    assert there(process) == {"x"}
    entry = process.report["variables"]["y"]
    assert entry["status"] == "same" and entry["verified"] is False and "reads it" in entry["why"]


@pytest.mark.parametrize("cell", ["print(f())", "print([f() for _ in 'a'][0])", "h = f\nprint(h())",
                                  "print(a.get())"])
def test_what_code_reads_that_is_away_itself(restored, cell):
    process = restored("x = [1, 2]", "y = 3", "def f():\n    return g()", "def g():\n    return x",
                       "class A:\n    def get(self):\n        return f()\na = A()")
    assert said(process, cell) == "[1, 2]\n"
    assert "y" not in there(process)


@pytest.mark.parametrize("cell", ["print('x' in globals() and 'y' in globals())",
                                  "print({'x', 'y'} <= set(dir()))", "print({'x', 'y'} <= set(vars()))",
                                  "print({'x', 'y'} <= get_ipython().user_ns.keys())",
                                  "print(eval('+'.join(['x[0]', 'y'])) == 4)",
                                  "s = %who_ls\nprint({'x', 'y'} <= set(s))",
                                  "import __main__\nprint(__main__.x == [1, 2] and __main__.y == 3)"])
def test_whoever_can_look_at_everything_finds_everything(restored, cell):
    process = restored("x = [1, 2]", "y = 3")
    assert said(process, cell) == "True\n"


@pytest.mark.parametrize(("cell", "after"), [("x = 5", "5"), ("x.append(3)", "[1, 2, 3]"),
                                             ("x += [4]", "[1, 2, 4]"), ("exec('x[0] = 9')", "[9, 2]"),
                                             ("for x in 'ab': pass", "'b'"), ("del x[0]", "[2]"),
                                             ("import math as x\nx = 1", "1")])
def test_a_cell_that_changes_what_is_away(restored, cell, after):
    process = restored("x = [1, 2]", "y = 3")
    process.run(cell)
    assert said(process, "print(repr(x), y)") == f"{after} 3\n"


def test_a_deleted_variable_does_not_come_back(restored):
    process = restored("x = [1, 2]", "y = 3")
    process.run("del x")
    while not process.call("idle"):
        pass
    assert there(process) == {"y"}


def test_the_rest_is_loaded_while_the_kernel_is_idle(restored):
    process = restored("x = b'x' * 2_000_000", "y = b'y' * 2_000_000", "z = 4")
    seen = []
    while not process.call("idle"):
        seen.append(len(there(process)))
    assert there(process) == {"x", "y", "z"} and 1 in seen
    assert process.call("history")[-1]["source"] == "z = 4"  # coming back is no change


def test_many_small_ones_are_loaded_some_hundreds_at_a_time(restored):
    process = restored("for i in range(1200): globals()[f'v{i}'] = [i]")
    calls = 0
    while not process.call("idle"):
        calls += 1
    assert 2 <= calls < 10
    assert process.value("[v1199, sum(f'v{i}' in globals() for i in range(1200))]") == [[1199], 1200]


def test_what_an_unpickled_text_names_is_there(restored):
    process = restored("x = [1]", "def f():\n    x.append(2)\n    return 5",
                       "class K:\n    def __reduce__(self):\n        return f, ()",
                       "import pickle\nblob = pickle.dumps(K())\ndel K")
    assert said(process, "from pickle import loads as l, loads\nprint(loads(blob), x)") == "5 [1, 2]\n"


def test_what_shares_comes_back_together(restored):
    process = restored("x = [1, [2]]", "y = x[1]\nalias = x", "z = 3")
    process.run("y.append(5)")
    assert "z" not in there(process)
    assert said(process, "print(x, alias is x)") == "[1, [2, 5]] True\n"


def test_a_class_bound_anew_meanwhile_is_another(restored):
    process = restored("class A:\n    kind = 'old'", "x = [A() for _ in range(3)]")
    process.run("class A:\n    kind = 'new'")
    assert said(process, "print(x[0].kind, A.kind, type(x[0]) is type(x[1]))") == "old new True\n"


def test_what_a_rerun_needs_or_makes_is_there(restored):
    process = restored("x = [1, 2]", "y = (v for v in x)", "z = 'apart'", plan="optimal")
    assert process.report["variables"]["y"]["status"] == "recomputed"
    assert process.report["deferred"] == ["z"]
    assert said(process, "print(list(y), z)") == "[1, 2] apart\n"


def test_a_next_checkpoint_holds_what_was_still_away(restored, start, tmp_path):
    process = restored("x = [1, 2]", "y = 3", BIG)
    process.run("y += 1")
    process.checkpoint(tmp_path / "next")
    third = start()
    third.restore(tmp_path / "next")
    assert third.value("[x, y, len(big), big[7]]") == [[1, 2], 4, 3000, {"n": 7, "text": "7"}]


def test_another_restore_first_brings_the_rest(restored, tmp_path):
    process = restored("x = [1, 2]", "y = 3")
    message = process.failing_call("restore", path=str(tmp_path / "nothing"))
    assert "nothing" in message
    assert said(process, "print(x, y)") == "[1, 2] 3\n"


def test_a_former_variable_of_the_same_name_is_replaced(restored):
    process = restored("x = [1, 2]", before=["x = 'former'\nz = 'kept'"])
    assert process.report["replaced"] == ["x"]
    assert there(process) == {"z"}
    assert said(process, "print(x, z)") == "[1, 2] kept\n"


FAILS = ("import os\nclass A:\n    def __setstate__(self, state):\n        if os.path.exists('FAIL'):\n"
         "            raise ValueError('no')\n        self.__dict__ = state")


@pytest.mark.parametrize("idle", [False, True])
def test_what_does_not_load_is_recomputed(restored, idle):
    process = restored(FAILS, "base = 20", "x = A()\nx.n = base + 1\nshared = [x]", "y = 2", "x",
                       before=["open('FAIL', 'w').close()"])
    while idle and not process.call("idle"):
        pass
    count = process.value("get_ipython().execution_count")
    shown = said(process, "print(x.n, y, shared[0] is x, type(x) is A, Out[5] is x)")
    assert shown == "21 2 True True True\n"
    assert process.value("get_ipython().execution_count") == count + 1
    line = process.call("damage")
    assert "running its cells again: shared, x" in line and process.call("damage") is None


def test_what_does_not_load_once_a_cell_has_run_is_named_and_deleted(restored, tmp_path):
    process = restored(FAILS, "x = A()\nx.n = 1", "y = 2", before=["open('FAIL', 'w').close()"])
    process.run("print(y)")
    assert "NameError" in process.run("x", fails=True)["error"]
    line = process.call("damage")
    assert "do not rely on x" in line and "no" in line
    assert process.checkpoint(tmp_path / "next")["variables"].keys() == {"os", "A", "y"}


def test_what_is_loaded_may_run_code_that_uses_what_is_away(restored):
    process = restored(FAILS, "x = A()\nx.n = 1", "x")
    assert "outputs_lost" not in process.report
    assert said(process, "print(x.n, _3 is x)") == "1 True\n"
    assert process.call("damage") is None


@pytest.mark.parametrize("cell", ["import elasticpython as ep\nep.restore({path!r}, lazy=True)\nprint(x)",
                                  "%restore {path} --lazy\nprint(x)",
                                  "if 1:\n    get_ipython().run_line_magic('restore', {path!r} + ' --lazy')\n"
                                  "    print(x)"])
def test_a_cell_that_goes_on_has_everything(start, tmp_path, cell):
    first = start()
    first.run("x = [1, 2]")
    path = str(tmp_path / "here")
    first.checkpoint(path)
    second = start()
    assert said(second, cell.format(path=path)).endswith("[1, 2]\n")
    assert there(second) == {"x"}


@pytest.mark.parametrize("cell", ["import elasticpython as ep\nreport = ep.restore({path!r}, lazy=True)",
                                  "%restore {path} --lazy"])
def test_a_cell_that_ends_with_the_restore_leaves_the_rest(start, tmp_path, cell):
    first = start()
    first.run("x = [1, 2]")
    path = str(tmp_path / "here")
    first.checkpoint(path)
    second = start()
    output = said(second, cell.format(path=path))
    assert there(second) == set()
    assert "later" in output or "report" in cell
    assert said(second, "print(x)") == "[1, 2]\n"


@pytest.mark.parametrize("thread", ["Thread(target=threading.Event().wait)", "Timer(1000, print)"])
def test_with_a_thread_that_could_look_everything_is_loaded(restored, thread):
    process = restored("x = [1, 2]",
                       before=[f"import threading\nt = threading.{thread}\nt.daemon = True\nt.start()"])
    assert process.report["deferred"] == [] and "x" in there(process)


def test_with_a_callback_that_could_look_everything_is_loaded(restored):
    process = restored("x = [1, 2]",
                       "def f(*_):\n    x.append(3)\nget_ipython().events.register('post_run_cell', f)")
    assert process.report["deferred"] == [] and "x" in there(process)


def test_an_output_and_its_variable_are_one_object(restored):
    process = restored("x = [1, 2]", "x", "y = 5")
    assert said(process, "print(Out[2] is x, _2 is x, y)") == "True True 5\n"


def test_verified_at_once_or_when_it_is_loaded(restored):
    assert restored("x = [1, 2]", verify=True).report["deferred"] == []
