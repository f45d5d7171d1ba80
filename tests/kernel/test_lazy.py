"""After `%restore --lazy` in a kernel: whoever asks without running a cell sees everything too."""

import pytest
from test_introspection import complete, inspect

# The rest would be loaded before the test could ask.
NEVER_IDLE = "from elasticpython.session import current\ncurrent().idle = lambda *_: True"
AWAY = "len(current()._session.deferred)"


@pytest.fixture
def lazy(own_kernel, door, launch, tmp_path):
    """A kernel into which `word = ['first']` and two more variables were restored lazily."""
    if not own_kernel.is_ours:
        pytest.skip("only ours restores")
    own_kernel.execute("word = ['first']\nother = 1")
    own_kernel.execute("def said(): return word[0]")
    own_kernel.execute(f"%checkpoint --plan store-all {tmp_path}/here")
    kernel = launch(door)
    kernel.execute(NEVER_IDLE)
    assert kernel.execute(f"%restore --lazy --trust {tmp_path}/here").content["status"] == "ok"
    assert kernel.execute(AWAY).result == "3"
    yield kernel
    kernel.stop()


def test_a_cell_finds_what_it_reads(lazy):
    assert lazy.execute("said()").result == "'first'"
    assert lazy.execute(AWAY).result == "1"


def test_completion_and_inspection(lazy):
    assert "other" in complete(lazy, "oth")["matches"]
    assert lazy.execute(AWAY).result == "0"
    assert "list" in inspect(lazy, "word")["data"]["text/plain"]


def test_user_expressions(lazy):
    content = lazy.execute("1", user_expressions={"it": "word[0]"}).content
    assert content["user_expressions"]["it"]["data"]["text/plain"] == "'first'"


def test_a_comm_message(lazy):
    lazy.execute("seen = []\ndef opened(comm, message):\n    seen.append(globals()['word'])\n")
    lazy.execute("get_ipython().kernel.comm_manager.register_target('asks', opened)")
    lazy.send("comm_open", {"comm_id": "1", "target_name": "asks", "data": {}})
    assert lazy.execute("seen").result == "[['first']]"


def test_the_rest_comes_while_the_kernel_is_idle(lazy):
    lazy.execute("del current().idle")
    lazy.wait(lambda: lazy.execute(AWAY).result == "0", what="everything to be loaded")


@pytest.mark.parametrize("how", ["message", "signal"])
def test_loading_for_a_cell_can_be_interrupted(own_kernel, door, launch, tmp_path, how):
    if not own_kernel.is_ours:
        pytest.skip("only ours restores")
    flag = tmp_path / "loading"
    own_kernel.execute("import pathlib, time")
    own_kernel.execute("class Slow:\n    def __setstate__(self, state):\n"
                       f"        pathlib.Path({str(flag)!r}).touch()\n        time.sleep(self.seconds())\n"
                       f"    def seconds(self): return 0 if pathlib.Path('{flag}-on').exists() else 60")
    own_kernel.execute("it, other = Slow(), [1]\nit.n = 1")
    own_kernel.execute(f"%checkpoint --plan store-all {tmp_path}/here")
    kernel = launch(door)
    kernel.execute(NEVER_IDLE)
    kernel.execute(f"%restore --lazy --trust {tmp_path}/here")
    cell = kernel.submit("ran = True; it")
    kernel.wait(flag.exists, what="the load to begin")
    kernel.interrupt(how)
    cell.wait(10)
    assert cell.content["status"] == "error" and cell.content["ename"] == "KeyboardInterrupt"
    assert kernel.execute("other").result == "[1]"
    (tmp_path / "loading-on").touch()
    assert kernel.execute("type(it).__name__").result == "'Slow'"
    assert kernel.execute("'ran' in globals()").result == "False"
    kernel.stop()


def test_a_fault_of_ours_while_idle_costs_no_cell(own_kernel):
    if not own_kernel.is_ours:
        pytest.skip("only ours restores")
    own_kernel.execute("from elasticpython.session import current\ncurrent().idle = lambda: 1 / 0")
    assert own_kernel.execute("6 * 7").result == "42"
    assert "while idle: TypeError" in own_kernel.process.log
