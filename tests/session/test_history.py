"""The public view: elasticpython.history(), %elastic history, %elastic why."""

import json
import time

from notebook import named

KEYS = {
    "index": int,
    "execution_count": int,
    "source": str,
    "started": float,
    "seconds": float,
    "outcome": str,
    "reads": list,
    "writes": list,
    "deletes": list,
    "effects": list,
    "why": dict,
}

CELLS = (
    "import os, random, functools, threading, time\nimport numpy as np",
    "x = [1]\ny = x\nbig = np.zeros(10)\nview = big[2:]",
    "def use(): return x[0]",
    "a = use()",
    "y.append(2); view[0] = 5",
    "random.random()",
    "os.environ['ELASTIC_HISTORY'] = '1'",
    "z = eval('x' + '[0]')",
    "@functools.lru_cache\ndef cached(n): return n",
    "cached(1)",
    "globals()['w'] = 1",
    "del a",
    "1 / 0",
    "t = threading.Thread(target=lambda: x.append(3)); t.start(); t.join()",
    "del os.environ['ELASTIC_HISTORY']",
)


def test_every_entry_has_the_promised_keys_and_is_json(start):
    process = start()
    before = time.time()
    for cell in CELLS:
        process.run(cell, fails=cell == "1 / 0")
    history = process.call("history")
    assert json.loads(json.dumps(history)) == history
    assert [entry["source"] for entry in history] == list(CELLS)
    for entry in history:
        assert {key: type(entry[key]) for key in KEYS} == KEYS, entry
        assert before - 1 <= entry["started"] <= time.time() + 1 and entry["seconds"] >= 0
    assert [entry["execution_count"] for entry in history] == list(range(1, len(CELLS) + 1))
    assert [entry["outcome"] for entry in history] == [
        "error" if cell == "1 / 0" else "ok" for cell in CELLS
    ]


def test_every_read_write_and_delete_has_its_rule(notebook):
    for cell in CELLS:
        notebook.run(cell, idle=False)
    notebook.names["x"].append(4)
    notebook.tracker.settle()
    notebook.names["x"].append(5)
    notebook.names["pushed"] = 1
    notebook.tracker.settle()
    rules = set()
    for entry in notebook.history():
        for key, word in (("reads", "read: "), ("writes", "written: "), ("deletes", "deleted")):
            for name in entry[key]:
                assert word in entry["why"].get(name, ""), (key, name, entry)
        assert set(entry["why"]) <= {*entry["reads"], *entry["writes"], *entry["deletes"]}, entry
        rules |= {part.split(":")[0] for text in entry["why"].values() for part in text.split("; ")}
    assert rules >= {"read", "written", "deleted"}


def test_history_names_the_function_that_a_read_came_through(notebook):
    for cell in CELLS[:4]:
        notebook.run(cell)
    assert notebook.last()["why"]["x"] == "read: used by use"
    assert notebook.last()["why"]["use"] == "read: named in the cell"


def test_why_says_linked_opaque_and_attributed(start):
    process = start()
    process.run(*CELLS[:5], "import itertools\npairs = itertools.product([1], [2])")
    linked = process.run("%elastic why x")["output"]
    assert "linked, since they share a mutable object: x y" in linked and "cell 2: written: bound" in linked
    assert "changed in place" in process.run("%elastic why big")["output"]
    opaque = process.run("%elastic why pairs")["output"]
    assert "opaque: nobody can see into itertools.product" in opaque
    assert "no such variable" in process.run("%elastic why nothing")["output"]
    assert "which variable?" in process.run("%elastic why", fails=True)["error"]


def test_elastic_history_shows_each_cell(start):
    process = start()
    process.run("import os", "x = [1]", "x.append(os.urandom(1))\ny = 1", "open('f', 'w').close(); del y")
    shown = process.run("%elastic history")["output"]
    assert shown.count(" s)") == 4
    assert "x.append(os.urandom(1)) ..." in shown and "reads:   os x" in shown and "writes:  x y" in shown
    assert "not re-run: draws from the system's randomness" in shown
    assert "effect:  file-written" in shown and "deletes: y" in shown
    assert process.run("%elastic history 1")["output"].count(" s)") == 1
    assert "how many cells?" in process.run("%elastic history x", fails=True)["error"]
    assert [entry["source"] for entry in process.call("history")][-1].startswith("open(")


def test_looking_is_no_cell(start):
    process = start()
    process.run("x = 1", "%elastic history", "%elastic why x", "%elastic why x y\n%elastic history 3")
    assert [entry["source"] for entry in process.call("history")] == ["x = 1"]
    assert named(process.call("history")[0], "writes") == {"x"}


def test_a_long_history_is_stored_without_what_no_plan_needs(start, tmp_path):
    first = start()
    text = "a" * 3_000_000
    first.run(f"x = '{text}'", f"x = '{text}b'", "x = 1\ny = 2", "z = y + 1")
    first.checkpoint(tmp_path / "here")
    long = [len(cell["source"]) > 1_000_000 for cell in first.call("history")[-4:]]
    assert long == [True, True, False, False]
    second = start()
    second.restore(tmp_path / "here")
    sources = [cell["source"] for cell in second.call("history")][-4:]
    assert sources == ["", "", "x = 1\ny = 2", "z = y + 1"]
    assert second.value("[x, y, z]") == [1, 2, 3]
