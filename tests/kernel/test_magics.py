"""Magics and the payloads of execute replies."""

import json

import pytest
from client import plain


def payload(kernel, code):
    """The payloads of a cell."""
    return kernel.execute(code).content["payload"]


def test_set_next_input(kernel):
    assert payload(kernel, "get_ipython().set_next_input('print(1)')") == [
        {"source": "set_next_input", "text": "print(1)", "replace": False}
    ]


def test_set_next_input_that_replaces(kernel):
    assert payload(kernel, "get_ipython().set_next_input('x', replace=True)")[0]["replace"] is True


def test_load_puts_the_file_into_the_cell(kernel, tmp_path):
    (tmp_path / "loaded.py").write_text("loaded = 1\n")
    found = payload(kernel, f"%load {tmp_path}/loaded.py")
    assert found == [
        {"source": "set_next_input", "text": f"# %load {tmp_path}/loaded.py\nloaded = 1\n", "replace": True}
    ]


@pytest.mark.parametrize("code", ["len?", "?len", "%pinfo len", "len??"])
def test_help_goes_to_the_pager(kernel, code):
    found = payload(kernel, code)
    assert [entry["source"] for entry in found] == ["page"]
    assert found[0]["start"] == 0
    assert "Return the number of items" in found[0]["data"]["text/plain"]


@pytest.mark.parametrize("magic", ["less", "more", "pycat"])
def test_the_paging_magics_page(kernel, tmp_path, magic):
    path = tmp_path / "paged.txt"
    path.write_text("paged_text\n")
    found = payload(kernel, f"%{magic} {path}")
    assert [entry["source"] for entry in found] == ["page"]
    assert "paged_text" in plain(found[0]["data"]["text/plain"])


def test_payloads_do_not_leak_into_the_next_reply(kernel):
    assert payload(kernel, "get_ipython().set_next_input('once')")
    assert payload(kernel, "1") == []


def test_payloads_of_a_failing_cell_are_kept(kernel):
    cell = kernel.execute("get_ipython().set_next_input('kept')\n1 / 0")
    assert cell.content["payload"][0]["text"] == "kept"


@pytest.mark.parametrize(
    "code, keep", [("exit", False), ("quit", False), ("exit()", False), ("exit(keep_kernel=True)", True)]
)
def test_exit_asks_the_frontend(own_kernel, code, keep):
    cell = own_kernel.execute(code)
    assert cell.content["status"] == "ok"
    assert cell.content["payload"] == [{"source": "ask_exit", "keepkernel": keep}]


def test_a_kernel_told_to_keep_running_does(own_kernel):
    own_kernel.execute("exit(keep_kernel=True)")
    own_kernel.drain(0.3)
    assert own_kernel.execute("'still here'").result == "'still here'"


@pytest.mark.parametrize(
    "code, output",
    [
        ("%autosave 60", "Autosaving every 60 seconds"),
        ("%who_ls int", None),
        ("%pwd", None),
        ("%timeit -n 2 -r 2 pass", "ns"),
        ("%%writefile /tmp/elastic-writefile-test\nwritten", "elastic-writefile-test"),
        ("%%bash\necho from bash", "from bash"),
        ("%%sh\necho from sh", "from sh"),
        ("%%script python\nprint('from script')", "from script"),
        ("%lsmagic", None),
        ("%env HOME", None),
        ("%dhist", "/"),
        ("%precision 3", None),
        ("%alias", None),
        ("%colors nocolor", None),
        ("%colors linux", None),
        ("%xmode Context", "Exception reporting mode"),
        ("%prun -s cumulative sum(range(3))", None),
        ("%whos int", None),
        ("%system echo system", None),
        ("%sx echo sx", None),
        ("%logstate", "Logging"),
        ("%matplotlib --list", "inline"),
        ("%load_ext autoreload", None),
        ("%autoreload 0", None),
        ("%gui asyncio", None),
        ("%macro -q for_edit 1\n%edit for_edit", "Macro editing"),
        ("%subshell", "subshell"),
        ("%config HistoryManager", "HistoryManager.enabled"),
        ("%config ZMQDisplayPublisher", "store_display_history"),
    ],
)
def test_magic(kernel, code, output):
    cell = kernel.execute(code, timeout=60)
    assert cell.content["status"] == "ok", cell.content
    if output:
        cell.wait_for(lambda c: output in c.stdout + c.stderr + str(c.result), timeout=5, what=f"{output!r}")


def test_autosave_tells_the_frontend(kernel):
    cell = kernel.execute("%autosave 60")
    assert any(
        "IPython.notebook.set_autosave_interval(60000)" in str(c) for c in cell.of_type("display_data")
    )


def test_displays_are_kept_in_the_history_where_that_is_configured(own_kernel):
    own_kernel.execute("%config ZMQDisplayPublisher.store_display_history = True")
    own_kernel.execute("display('shown')")
    kept = "[each.bundle for all in get_ipython().history_manager.outputs.values() for each in all]"
    assert own_kernel.execute(kept).result == "[{'text/plain': \"'shown'\"}]"


def test_qtconsole_is_offered(kernel):
    assert kernel.execute("'qtconsole' in get_ipython().magics_manager.lsmagic()['line']").result == "True"


def test_connect_info_prints_the_connection(kernel):
    cell = kernel.execute("%connect_info")
    shown = json.loads(cell.stdout[cell.stdout.index("{") : cell.stdout.rindex("}") + 1])
    for name in (
        "shell_port",
        "iopub_port",
        "stdin_port",
        "control_port",
        "hb_port",
        "ip",
        "key",
        "transport",
    ):
        assert shown[name] == kernel.connection[name]


def test_cd_changes_the_directory_of_the_kernel(kernel, tmp_path):
    cell = kernel.execute(f"before = %pwd\n%cd {tmp_path}\nimport os; here = os.getcwd()\n%cd $before\nhere")
    assert cell.result == repr(str(tmp_path))


def test_run_executes_a_file_in_the_session(kernel, tmp_path):
    (tmp_path / "script.py").write_text("ran_by_run = __name__\nprint('running')\n")
    cell = kernel.execute(f"%run {tmp_path}/script.py\nran_by_run")
    assert "running" in cell.stdout
    assert cell.result == "'__main__'"


def test_reset_clears_the_namespace_and_the_session_goes_on(own_kernel):
    own_kernel.execute("to_be_reset = 1")
    own_kernel.execute("%reset -f")
    assert own_kernel.execute("to_be_reset").content["ename"] == "NameError"
    assert own_kernel.execute("get_ipython(); 2").result == "2"


def test_user_magics_of_every_kind_work(kernel):
    kernel.execute(
        "from IPython.core.magic import register_line_magic, register_cell_magic\n"
        "@register_line_magic\ndef own_line(line): return line.upper()\n"
        "@register_cell_magic\ndef own_cell(line, cell): return line + '|' + cell"
    )
    assert kernel.execute("%own_line loud").result == "'LOUD'"
    assert kernel.execute("%%own_cell head\nbody").result == repr("head|body\n")


def test_a_magic_that_does_not_exist_is_a_usage_error(kernel):
    cell = kernel.execute("%no_such_magic")
    assert cell.content["status"] == "error"
    assert cell.content["ename"] == "UsageError"
    cell = kernel.execute("%%no_such_cell_magic\nbody")
    assert cell.content["status"] == "error"


def test_javascript_html_and_latex_cell_magics_display(kernel):
    for magic, mime in (
        ("javascript", "application/javascript"),
        ("html", "text/html"),
        ("latex", "text/latex"),
    ):
        cell = kernel.execute(f"%%{magic}\nbody of it")
        assert "body of it" in cell.of_type("display_data")[0]["data"][mime]


def test_extensions_of_the_shell_load_once(kernel, tmp_path):
    (tmp_path / "own_extension.py").write_text(
        "def load_ipython_extension(shell): shell.push({'loaded_ext': 1})\n"
    )
    kernel.execute(f"import sys; sys.path.insert(0, {str(tmp_path)!r})")
    kernel.execute("%load_ext own_extension")
    assert kernel.execute("loaded_ext").result == "1"
    kernel.execute("sys.path.pop(0)")


def test_the_tags_of_a_cell_are_wishes_about_it(kernel):
    if not kernel.is_ours:
        pytest.skip("only ours makes checkpoints")
    kernel.submit("tagged = [1]", metadata={"tags": ["never-store", 3]}).wait()
    kernel.submit("odd = [1]", metadata={"tags": "never-store"}).wait()
    shown = kernel.execute("%checkpoint --plan store-all --plan-only --explain").stdout
    assert "tagged" in shown and "marked never-store" in shown
    assert "odd" in shown and shown.count("marked never-store") == 1


def test_an_input_transformer_sees_a_cell_once(own_kernel):
    own_kernel.execute(
        "seen = []\ndef note(lines):\n    seen.append(''.join(lines))\n    return lines\n"
        "get_ipython().input_transformers_post.append(note)"
    )
    own_kernel.execute("1 + 1")
    own_kernel.execute("1 + 1")
    times = own_kernel.execute("print(sum(each.startswith('1 + 1') for each in seen))").stdout.strip()
    assert times == ("2" if own_kernel.is_ours else "4")  # ipykernel transforms twice


def test_the_completer_is_configured_at_any_time(launch, door, tmp_path):
    profile = tmp_path / "profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "ipython_config.py").write_text(
        f"import sys; sys.path.append({str(tmp_path)!r})\n"
        "c.InteractiveShellApp.extensions = ['asks_for_it']\n"
        "c.IPCompleter.backslash_combining_completions = False\n"
    )
    (tmp_path / "asks_for_it.py").write_text(
        "def load_ipython_extension(shell):\n"
        "    shell.run_line_magic('config', 'IPCompleter.greedy = True')\n"
        "    shell.Completer.custom_matchers.append(lambda text: ['from_the_extension'])\n"
    )
    (profile / "startup" / "own.ipy").write_text("%config IPCompleter.omit__names = 0\n")
    kernel = launch(door, environment={"IPYTHONDIR": str(tmp_path)})
    kernel.execute("completer = get_ipython().Completer")
    chosen = "completer.backslash_combining_completions, completer.greedy, completer.omit__names"
    assert kernel.execute(chosen).result == "(False, True, 0)"
    kernel.execute("%config IPCompleter.use_jedi = False")
    same = "completer is get_ipython().Completer, completer.use_jedi"
    assert kernel.execute(same).result == "(True, False)"
    content = kernel.request("complete_request", {"code": "from_", "cursor_pos": 5}).content
    assert "from_the_extension" in content["matches"]


def test_config_lists_the_completer_of_a_kernel_that_completed_nothing(own_kernel):
    assert "IPCompleter" in own_kernel.execute("%config").stdout.split()


def test_code_that_a_startup_file_left_without_a_name_is_known_of(launch, door, tmp_path):
    if door == "ipykernel":
        pytest.skip("does not watch cells")
    startup = tmp_path / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "own.py").write_text("data = [1]\n")
    known = "get_ipython().startup_left_code"
    assert launch(door, environment={"IPYTHONDIR": str(tmp_path)}).execute(known).result == "False"
    (startup / "own.py").write_text("import atexit\natexit.register(lambda: None)\n")
    assert launch(door, environment={"IPYTHONDIR": str(tmp_path)}).execute(known).result == "True"
