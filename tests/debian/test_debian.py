"""Debian 12's numpy 1.24, pandas 1.5, IPython 8.5 and torch 1.13: what works there, and what goes from there
to the current stack and back."""

import test_life

TENSORS = """
import torch
t = torch.arange(100_000.)
first, last, square = t[:10], t[-10:], t[:10_000].view(100, 100)
alone = torch.ones(5)
net = torch.nn.Linear(3, 2)
weight = net.weight
a = t[:20].numpy()
"""
FRAME = """
import numpy as np, pandas as pd
df = pd.DataFrame({"n": np.arange(5), "s": list("xyzuv"), "c": pd.Categorical(list("ababa")),
                   "d": pd.date_range("2020", periods=5)})
by_s = df.set_index("s")
"""
CODE = """
class Base:
    def who(self): return type(self).__name__
class Derived(Base):
    def who(self): return "a " + super().who()
def add(x): return x + one
one, thing = 1, Derived()
inner = [1]; outer = [inner]
"""


def not_same(report):
    return {name: entry for name, entry in report["variables"].items() if entry["status"] != "same"}


def test_tensors_that_share_a_storage_are_linked_and_stay_so(start, tmp_path):
    session = start("debian")
    session.run(*TENSORS.strip().splitlines())
    report = session.checkpoint(tmp_path / "store", plan="store-all")
    linked = {name: set(entry["linked_with"]) for name, entry in report["variables"].items()}
    assert linked["t"] == {"first", "last", "square", "a"}
    assert linked["net"] == {"weight"} and linked["alone"] == set()
    for _ in range(2):   # what was restored is written and restored again
        session = start("debian")
        assert not_same(session.restore(tmp_path / "store")) == {}
        session.run("first[0] += 1; last[9] = 5; square[0, 1] = 7",
                    "with torch.no_grad(): weight[0, 0] = 3.0")
        assert session.value("[float(t[-1]), float(t[1]), float(first[1]), float(a[1])]") == [5, 7, 7, 7]
        assert session.value("float(t[0]) == float(a[0]) and net.weight is weight")
        session.checkpoint(tmp_path / "store", plan="store-all")


def test_a_session_of_debian_s_stack_is_restored_by_the_current_one(start, tmp_path):
    there = start("debian")
    there.run(TENSORS, FRAME, CODE)
    there.checkpoint(tmp_path / "store", plan="store-all")
    here = start("pypi")
    report = here.restore(tmp_path / "store")
    assert here.value("[add(1), thing.who(), type(thing) is Derived, outer[0] is inner]") == \
        [2, "a Derived", True, True]
    assert here.value("list(df['n']) == [0, 1, 2, 3, 4] and list(by_s.index) == list('xyzuv')")
    assert here.value("df['d'].dt.year.tolist() == [2020] * 5 and df['c'].tolist() == list('ababa')")
    for name in ("t", "net"):   # there is no torch here
        assert report["variables"][name]["status"] == "lost"
        assert "torch" in report["variables"][name]["why"]
    assert report["environment"]["python"].startswith("3.11")
    assert report["environment"]["byteorder"] in ("little", "big")
    assert report["environment"]["word_bits"] == "64"


def test_a_session_of_the_current_stack_is_restored_by_debian_s(start, tmp_path):
    here = start("pypi")
    here.run("import numpy as np, pandas as pd", FRAME, CODE, "numbers = pd.DataFrame({'n': [1.5, 2.5]})",
             "total = int(df['n'].sum()); array = np.arange(6.).reshape(2, 3); view = array[0]")
    here.checkpoint(tmp_path / "store")
    there = start("debian")
    report = there.restore(tmp_path / "store")
    # The text columns of pandas 3 are of a type that pandas 1 does not have: those frames are made again.
    assert report["variables"]["df"]["status"] in ("recomputed", "differs")
    assert there.value("list(df['n']) == [0, 1, 2, 3, 4] and list(by_s.index) == list('xyzuv')")
    assert there.value("numbers['n'].tolist()") == [1.5, 2.5]
    assert there.value("[add(1), thing.who(), type(thing) is Derived, outer[0] is inner, total]") == \
        [2, "a Derived", True, True, 10]
    there.run("view[1] = 7")
    assert there.value("array.tolist()") == [[0, 7, 2], [3, 4, 5]]


def test_the_kernel_runs_on_debian_s_packages(tmp_path, monkeypatch):
    from conftest import DEBIAN

    monkeypatch.setattr(test_life.sys, "executable", str(DEBIAN))
    first = test_life.Kernel(tmp_path)
    try:
        reply, output = first.run("import IPython, pandas, torch\nt = torch.ones(2); v = t[:1]\n"
                                  "print(IPython.__version__, pandas.__version__)")
        assert reply["status"] == "ok", reply
        assert [content["text"] for kind, content in output if kind == "stream"] == ["8.5.0 1.5.3\n"]
        first.client.shutdown()
        first.wait()
    finally:
        first.close()
    second = test_life.Kernel(tmp_path)
    try:
        reply, _ = second.run("%restore")
        assert reply["status"] == "ok", reply
        assert second.run("v[0] = 4.0")[0]["status"] == "ok"
        assert second.value("float(t[0])") == 4.0
    finally:
        second.close()
