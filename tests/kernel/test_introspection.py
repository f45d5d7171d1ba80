"""Completion, inspection, completeness, history and what the kernel says about itself."""

import sys

import pytest
from client import plain


def complete(kernel, code, cursor=None):
    """Ask for completions at the end of the code or at `cursor`."""
    cursor = len(code) if cursor is None else cursor
    return kernel.request("complete_request", {"code": code, "cursor_pos": cursor}).content


def inspect(kernel, code, cursor=None, detail_level=0):
    """Ask for the documentation of what is under the cursor."""
    cursor = len(code) if cursor is None else cursor
    content = {"code": code, "cursor_pos": cursor, "detail_level": detail_level}
    return kernel.request("inspect_request", content).content


def test_completion_of_names_and_attributes(kernel):
    kernel.execute("completable_name = [1]\ncompletable_other = 'x'")
    content = complete(kernel, "completable_")
    assert content["status"] == "ok"
    assert {"completable_name", "completable_other"} <= set(content["matches"])
    assert (content["cursor_start"], content["cursor_end"]) == (0, 12)
    content = complete(kernel, "completable_name.app")
    assert any(match.endswith("append") for match in content["matches"])
    assert content["cursor_end"] == len("completable_name.app")


def test_completion_carries_types(kernel):
    kernel.execute("def typed_function(a, b=1): pass")
    types = complete(kernel, "typed_func")["metadata"]["_jupyter_types_experimental"]
    entry = next(entry for entry in types if entry["text"] == "typed_function")
    assert entry["type"] == "function"
    assert entry["signature"] == "(a, b=1)"
    assert (entry["start"], entry["end"]) == (0, len("typed_func"))


def test_completion_in_the_middle_of_several_lines(kernel):
    code = "import os\nos.path.jo\nprint(1)"
    content = complete(kernel, code, code.index("jo") + 2)
    assert any(match.endswith("join") for match in content["matches"])
    assert content["cursor_start"] >= code.index("os.path") and content["cursor_end"] == code.index("jo") + 2


def test_completion_counts_characters_not_bytes(kernel):
    kernel.execute("after_emoji = 1")
    code = "'🎉ä'; after_emo"
    content = complete(kernel, code)
    assert "after_emoji" in content["matches"]
    assert (content["cursor_start"], content["cursor_end"]) == (code.index("after"), len(code))


def test_completion_of_keys_paths_magics_and_arguments(kernel, tmp_path):
    kernel.execute("keyed = {'alpha': 1, 'alpine': 2}")
    assert {"alpha", "alpine"} <= {m.strip("'\"]") for m in complete(kernel, "keyed['al")["matches"]}
    assert any("matplotlib" in match for match in complete(kernel, "%matplotl")["matches"])
    assert any("timeit" in match for match in complete(kernel, "%%timei")["matches"])
    (tmp_path / "unmistakable.csv").write_text("")
    assert any(
        "unmistakable.csv" in match for match in complete(kernel, f"open('{tmp_path}/unmis")["matches"]
    )


def test_completion_of_modules(kernel):
    assert "json" in complete(kernel, "import jso")["matches"]
    assert "dumps" in complete(kernel, "from json import dum")["matches"]


def test_completion_of_nothing_and_of_broken_code(kernel):
    assert complete(kernel, "")["status"] == "ok"
    assert complete(kernel, ")]}(((")["status"] == "ok"
    content = complete(kernel, "no_such_name_at_all.")
    assert content["status"] == "ok" and isinstance(content["matches"], list)


def test_inspection_finds_documentation_and_source(kernel):
    kernel.execute("def documented(first, second=2):\n    'Says what it does.'\n    return first")
    content = inspect(kernel, "documented")
    assert (content["status"], content["found"]) == ("ok", True)
    text = plain(content["data"]["text/plain"])
    assert "Says what it does." in text
    assert "documented(first, second=2)" in text
    assert "return first" in plain(inspect(kernel, "documented", detail_level=1)["data"]["text/plain"])


def test_inspection_looks_at_the_call_around_the_cursor(kernel):
    content = inspect(kernel, "sorted([1, 2], ", 14)
    assert content["found"] is True
    assert "ascending order" in content["data"]["text/plain"]


def test_inspection_of_what_is_not_there(kernel):
    assert inspect(kernel, "no_such_name_at_all") == {
        "status": "ok",
        "found": False,
        "data": {},
        "metadata": {},
    }
    assert inspect(kernel, "")["found"] is False


@pytest.mark.parametrize(
    "code, status",
    [
        ("1 + 1", "complete"),
        ("for i in range(3):\n    pass\n\n", "complete"),
        ("print('hello, world')", "complete"),
        ("%time 1", "complete"),
        ("!ls", "complete"),
        ("await x", "complete"),
        ("for i in range(3):", "incomplete"),
        ("print('''hello", "incomplete"),
        ("f(1,", "incomplete"),
        ("%%time\n", "incomplete"),
        ("import = 7q", "invalid"),
        ("'unclosed", "invalid"),
    ],
)
def test_completeness(kernel, code, status):
    content = kernel.request("is_complete_request", {"code": code}).content
    assert content["status"] == status
    assert ("indent" in content) == (status == "incomplete")


def test_the_indent_of_an_incomplete_cell(kernel):
    content = kernel.request("is_complete_request", {"code": "if x:\n    for y in z:"}).content
    assert content["indent"] == " " * 8


def history(kernel, **content):
    """Ask for history."""
    content = {"output": False, "raw": True} | content
    return kernel.request("history_request", content).content["history"]


def test_history_tail(kernel):
    for code in ("'tail one'", "%time 'tail two'", "'tail three'"):
        kernel.execute(code)
    entries = history(kernel, hist_access_type="tail", n=3)
    assert [entry[2] for entry in entries] == ["'tail one'", "%time 'tail two'", "'tail three'"]
    assert all(isinstance(entry[0], int) and isinstance(entry[1], int) for entry in entries)
    lines = [entry[1] for entry in entries]
    assert lines == list(range(lines[0], lines[0] + 3))
    assert entries[0][0] == entries[2][0] >= 1


def test_history_line_numbers_are_execution_counts(kernel):
    count = kernel.execute("'counted in history'").content["execution_count"]
    assert history(kernel, hist_access_type="tail", n=1)[0][1:] == [count, "'counted in history'"]


def test_transformed_history(kernel):
    kernel.execute("%time 'transformed'")
    entry = history(kernel, hist_access_type="tail", n=1, raw=False)[0]
    assert "run_line_magic" in entry[2]


def test_history_range_of_this_session(kernel):
    count = kernel.execute("'ranged one'").content["execution_count"]
    kernel.execute("'ranged two'")
    entries = history(kernel, hist_access_type="range", session=0, start=count, stop=count + 2)
    assert entries == [[0, count, "'ranged one'"], [0, count + 1, "'ranged two'"]]


@pytest.mark.differs("history-of-this-session-by-its-number")
def test_history_range_of_this_session_by_its_number(kernel):
    count = kernel.execute("'by number'").content["execution_count"]
    session = history(kernel, hist_access_type="tail", n=1)[0][0]
    entries = history(kernel, hist_access_type="range", session=session, start=count, stop=count + 1)
    assert entries == [[session, count, "'by number'"]]


def test_history_range_with_output(kernel):
    count = kernel.execute("'with ' + 'output'").content["execution_count"]
    kernel.execute("no_output = 1")
    entries = history(kernel, hist_access_type="range", session=0, start=count, stop=count + 2, output=True)
    assert entries[0] == [0, count, ["'with ' + 'output'", "'with output'"]]
    assert entries[1] == [0, count + 1, ["no_output = 1", None]]


def test_history_search(kernel):
    for code in ("searched_a = 1", "searched_b = 2", "searched_a = 1"):
        kernel.execute(code)
    found = history(kernel, hist_access_type="search", pattern="searched_*", n=10)
    assert [entry[2] for entry in found] == ["searched_a = 1", "searched_b = 2", "searched_a = 1"]
    unique = history(kernel, hist_access_type="search", pattern="searched_*", n=10, unique=True)
    assert sorted(entry[2] for entry in unique) == ["searched_a = 1", "searched_b = 2"]
    assert len(history(kernel, hist_access_type="search", pattern="searched_*", n=2)) == 2
    assert history(kernel, hist_access_type="search", pattern="no such thing at all*", n=2) == []


def test_silent_and_unstored_cells_are_not_in_the_history(kernel):
    kernel.execute("'stored cell'")
    kernel.execute("'silent cell'", silent=True)
    kernel.execute("'unstored cell'", store_history=False)
    assert history(kernel, hist_access_type="tail", n=1)[0][2] == "'stored cell'"


def test_the_history_magic_and_its_range_see_the_cells(kernel):
    count = kernel.execute("'in the history magic'").content["execution_count"]
    assert "in the history magic" in kernel.execute(f"%history {count}").stdout


def test_history_survives_the_kernel(own_kernel, launch):
    own_kernel.execute("'from an earlier session'")
    own_kernel.request("shutdown_request", {"restart": False}, channel="control")
    assert own_kernel.process.wait(10) is not None
    directory = own_kernel.process.directory
    from launching import KernelProcess

    again = type(own_kernel)(KernelProcess.start(own_kernel.door, directory))
    try:
        again.connect(30)
        entries = history(again, hist_access_type="tail", n=5)
        assert "'from an earlier session'" in [entry[2] for entry in entries]
    finally:
        again.stop()


def test_kernel_info(kernel):
    content = kernel.request("kernel_info_request").content
    assert content["status"] == "ok"
    assert content["protocol_version"].startswith("5.")
    assert content["implementation"] and content["implementation_version"]
    assert sys.version.split()[0] in content["banner"]
    language = content["language_info"]
    assert language["name"] == "python"
    assert language["version"] == sys.version.split()[0]
    assert language["mimetype"] == "text/x-python"
    assert language["file_extension"] == ".py"
    assert language["codemirror_mode"] == {"name": "ipython", "version": 3}
    assert language["pygments_lexer"] == "ipython3"
    assert language["nbconvert_exporter"] == "python"
    assert "debugger" in content["supported_features"]
    assert all({"text", "url"} <= link.keys() for link in content["help_links"])


def test_kernel_info_is_answered_on_control_while_busy(kernel):
    cell = kernel.submit("import time\nend = time.time() + 1\nwhile time.time() < end: pass")
    cell.wait_for(lambda c: c.of_type("execute_input"))
    info = kernel.request("kernel_info_request", channel="control", timeout=0.9)
    assert info.content["status"] == "ok"
    assert not cell.replies
    cell.wait()


@pytest.mark.parametrize("message", ["complete_request", "inspect_request"])
def test_what_answering_prints_is_no_output_of_the_last_cell(kernel, message):
    cell = kernel.execute(
        "class Loud:\n    def __dir__(self): print('asked'); return ['loud']\n"
        "    def __repr__(self): print('asked'); return 'loud'\nloud = Loud()"
    )
    code = "loud." if message == "complete_request" else "loud"
    exchange = kernel.request(message, {"code": code, "cursor_pos": len(code), "detail_level": 0})
    exchange.wait_for(lambda e: "asked" in e.stdout)
    assert "asked" not in cell.stdout


def test_connect_request(kernel):
    content = kernel.request("connect_request").content
    for name in ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port"):
        assert content[name] == kernel.connection[name]


def test_comm_info_names_open_comms_and_filters_by_target(kernel):
    kernel.execute("from comm import create_comm\nown_comm = create_comm(target_name='info_target', data={})")
    content = kernel.request("comm_info_request", {"target_name": "info_target"}).content
    assert [entry["target_name"] for entry in content["comms"].values()] == ["info_target"]
    content = kernel.request("comm_info_request", {"target_name": "another"}).content
    assert content["comms"] == {}
    kernel.execute("own_comm.close()")


def test_usage_on_control(kernel):
    content = kernel.request("usage_request", channel="control").content
    assert content["pid"] == kernel.process.process.pid
    assert content["hostname"]
    assert content["kernel_memory"] > 10_000_000
    assert content["kernel_cpu"] >= 0
    assert content["cpu_count"] >= 1
    assert content["host_virtual_memory"]["total"] > 0


def test_usage_shows_the_work_since_it_was_last_asked_for(kernel):
    kernel.request("usage_request", channel="control")
    kernel.execute("import time\nuntil = time.process_time() + 0.3\nwhile time.process_time() < until: pass")
    assert kernel.request("usage_request", channel="control").content["kernel_cpu"] > 0



def test_an_unknown_request_leaves_the_kernel_alive(kernel):
    kernel.send("no_such_request", {})
    kernel.send("no_such_request", {}, channel="control")
    assert kernel.execute("1").result == "1"
