"""What is as it was in the checkpoint before is not pickled again, and what is not is."""

import shutil

import pytest


@pytest.fixture
def session(start, tmp_path):
    return Kept(start, tmp_path / "store")


class Kept:
    """One session, its checkpoints, and what comes back of them."""

    def __init__(self, start, path):
        self.start, self.path, self.process = start, path, start()

    def run(self, *cells):
        self.process.run(*cells)

    def checkpoint(self):
        """The variables that were pickled."""
        report = self.process.checkpoint(self.path, plan="store-all")
        assert {entry["action"] for entry in report["variables"].values()} <= {"store", "lost"}
        return sorted(name for names in report["measured"]["serialize"] for name in names.split(", "))

    def restored(self):
        other = self.start()
        report = other.restore(self.path)
        assert {entry["status"] for entry in report["variables"].values()} <= {"same", "lost"}
        return other


def test_what_has_not_changed_is_not_pickled_again(session):
    session.run("import numpy as np\nx, y = [1, 'a'], {'k': 2.5}",
                "large = np.arange(1_000_000.); small = np.ones(5)")
    assert {"x", "y", "large", "small"} <= set(session.checkpoint())
    session.run("z = 7")
    assert session.checkpoint() == ["z"]
    session.run("y['k'] = 3; large[7] = -1.0")
    assert session.checkpoint() == ["large", "y"]
    session.run("large[8] = -2.0")
    assert session.checkpoint() == ["large"]
    back = session.restored()
    assert back.value("[x, y, z, small.sum(), large[6:10].tolist()]") == [
        [1, "a"], {"k": 3}, 7, 5.0, [6.0, -1.0, -2.0, 9.0]]


def test_a_cell_that_goes_on_after_its_checkpoint_is_not_taken_for_the_one_that_stopped_there(session):
    session.run("import elasticpython as ep\nx = [1]")
    session.run(f"x.append(2); ep.checkpoint({str(session.path)!r}, plan='store-all'); x.append(3)")
    assert "x" in session.checkpoint()
    assert session.restored().value("x") == [1, 2, 3]


def test_an_alias_made_later_is_one_object_with_what_it_is_of(session):
    session.run("x = [[1], 2]")
    session.checkpoint()
    session.run("y = x[0]")
    session.checkpoint()
    assert session.restored().value("[x, y is x[0]]") == [[[1], 2], True]


def test_what_refers_to_a_function_follows_what_its_name_means(session):
    session.run("import functools\ndef f(): return 1", "x = [f, functools.partial(f)]; y = [lambda: 3]")
    session.checkpoint()
    session.run("def f(): return 2", "g = y[0]")
    session.checkpoint()
    back = session.restored()
    assert back.value("[f(), x[0](), x[1](), x[0] is f, g is y[0], g()]") == [2, 1, 1, False, True, 3]


def test_a_nan_is_the_one_that_a_name_was_given_later_or_means_no_more(session):
    session.run("x = float('nan')", "old = [x]", "other = [float('nan')]")
    session.checkpoint()
    session.run("x = float('nan')", "y = other[0]")
    session.checkpoint()
    assert session.restored().value("[x in old, y in other, x in other]") == [False, True, False]


def test_library_objects_follow_which_classes_are_variables(session):
    session.run("from decimal import Decimal as D; from fractions import Fraction",
                "x = [D(1), Fraction(1, 3)]")
    assert "x" in session.checkpoint()
    assert "x" not in session.checkpoint()
    session.run("del D, Fraction")
    assert "x" in session.checkpoint()
    assert session.restored().value("str(x)") == "[Decimal('1'), Fraction(1, 3)]"


def test_what_code_of_the_session_pickles_is_asked_each_time(session):
    session.run("calls = []\nclass A:\n    def __getstate__(self): calls.append(1); return {}",
                "a = A(); held = [a]")
    session.checkpoint()
    calls = session.process.value("len(calls)")
    assert calls > 0
    session.checkpoint()
    assert session.process.value("len(calls)") > calls


def test_a_reducer_of_the_sessions_is_asked_each_time(session):
    session.run("import copyreg, fractions\nmark = ['first']\nx = [fractions.Fraction(1, 2)]",
                "def reduce(value): return fractions.Fraction, (value.numerator, value.denominator)\n"
                "copyreg.pickle(fractions.Fraction, reduce)")
    session.checkpoint()
    assert "x" in session.checkpoint()


def test_a_file_that_is_mapped_is_looked_for_each_time(session, tmp_path):
    session.run(f"import numpy as np, os\npath = {str(tmp_path / 'mapped')!r}\n"
                "mapped = np.memmap(path, dtype=float, mode='w+', shape=(10,))")
    session.checkpoint()
    session.run("os.unlink(path)")
    report = session.process.checkpoint(session.path, plan="store-all")
    assert report["variables"]["mapped"]["action"] == "lost"


def test_a_checkpoint_that_is_broken_off_forgets_nothing(session):
    session.run("import elasticpython as ep\nx, y = [1], {'k': [2]}")
    session.checkpoint()
    session.run("class Struck:\n    def __reduce__(self): raise KeyboardInterrupt",
                "struck = Struck(); y['k'].append(3)",
                f"try: ep.checkpoint({str(session.path)!r}, plan='store-all')\n"
                "except KeyboardInterrupt: broken_off = True",
                "del struck")
    assert session.process.value("broken_off")
    pickled = session.checkpoint()
    assert "y" in pickled and "x" not in pickled
    assert session.restored().value("[x, y]") == [[1], {"k": [2, 3]}]


def test_a_store_that_is_gone_is_written_anew(session):
    session.run("x = [1]; y = bytearray(3_000_000)")
    session.checkpoint()
    shutil.rmtree(session.path)
    assert session.checkpoint() == ["x", "y"]
    assert session.restored().value("[x, len(y)]") == [[1], 3_000_000]


def test_a_restored_session_does_not_pickle_what_it_got(session):
    session.run("x = [1]; y = {'a': [2]}", "import numpy as np\nlarge = np.arange(1_000_000.)",
                "from fractions import Fraction\nthird = [Fraction(1, 3)]")
    session.checkpoint()
    session.process = session.restored()
    assert not {"x", "y", "large", "third"} & set(session.checkpoint())
    session.run("x.append(2); large[3] = -1.0")
    assert not {"y", "third"} & set(session.checkpoint())
    session.process = session.restored()
    session.run("del Fraction")
    pickled = session.checkpoint()
    assert "third" in pickled and "y" not in pickled
    assert session.restored().value("[x, y, large[:4].sum(), str(third)]") == [
        [1, 2], {"a": [2]}, 2.0, "[Fraction(1, 3)]"]


@pytest.mark.parametrize("how", [{"lazy": True}, {"skip": ["y"]}, {"only": ["x"]}])
def test_what_came_back_in_part_is_pickled_once(session, how):
    session.run("x = [1]", "y = {'a': [2]}")
    session.checkpoint()
    other = session.start()
    other.restore(session.path, **how)
    session.process = other
    other.run("pass")
    assert "x" in session.checkpoint()


def test_what_differs_after_a_restore_keeps_nothing(session):
    session.run("calls = []", "class A:\n    def __setstate__(self, state): self.n = 7", "a = A(); a.n = 1",
                "x = [1]")
    session.process.checkpoint(session.path, plan="store-all")
    other = session.start()
    assert other.restore(session.path)["variables"]["a"]["status"] != "same"
    session.process = other
    assert "x" in session.checkpoint()

