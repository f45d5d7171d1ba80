"""Running cells: results, errors, silence, counters, user expressions and what follows an error."""

import re
from datetime import timedelta

import pytest
from client import Exchange, plain


def last_count(kernel):
    """The execution count of a cell that does nothing."""
    return kernel.execute("pass").content["execution_count"]


def test_a_result_has_the_count_of_its_cell(kernel):
    cell = kernel.execute("6 * 7")
    assert cell.result == "42"
    count = cell.content["execution_count"]
    assert cell.of_type("execute_result")[0]["execution_count"] == count
    assert cell.of_type("execute_input") == [{"code": "6 * 7", "execution_count": count}]


def test_messages_come_in_order_busy_input_output_idle(kernel):
    cell = kernel.execute("print('out')\n1")
    kinds = [m["header"]["msg_type"] for m in cell.iopub]
    assert kinds == ["status", "execute_input", "stream", "execute_result", "status"]
    assert cell.states == ["busy", "idle"]


def test_every_message_carries_the_header_of_its_request(kernel):
    cell = kernel.execute("print('out')\n1")
    for message in [*cell.iopub, cell.reply]:
        parent = message["parent_header"]
        assert parent["msg_id"] == cell.id
        assert parent["msg_type"] == "execute_request"
        assert parent["session"] == cell.request["header"]["session"]


def test_the_reply_says_when_the_cell_started(kernel):
    cell = kernel.execute("1")
    assert cell.reply["metadata"]["started"]
    assert cell.reply["metadata"]["status"] == "ok"
    assert cell.content == {
        "status": "ok",
        "execution_count": cell.content["execution_count"],
        "user_expressions": {},
        "payload": [],
    }


def test_an_empty_cell_does_not_count(kernel):
    before = last_count(kernel)
    cell = kernel.execute("")
    assert cell.content["status"] == "ok"
    assert last_count(kernel) == before + 1


def test_none_has_no_result_and_a_semicolon_hides_one(kernel):
    assert kernel.execute("None").result is None
    assert kernel.execute("7;").result is None


def test_underscore_is_the_last_result(own_kernel):
    kernel = own_kernel  # a loop over _ in another test's cell would make the name the user's
    count = kernel.execute("'last' + ' one'").content["execution_count"]
    assert kernel.execute("_").result == "'last one'"
    assert kernel.execute(f"Out[{count}], _{count}").result == "('last one', 'last one')"
    assert kernel.execute(f"In[{count}]").result == repr("'last' + ' one'")


def test_an_error_has_name_value_and_traceback(kernel):
    cell = kernel.execute("def divide(a):\n    return a / 0\ndivide(1)")
    assert cell.content["status"] == "error"
    assert cell.content["ename"] == "ZeroDivisionError"
    assert cell.content["evalue"] == "division by zero"
    shown = plain("\n".join(cell.content["traceback"]))
    assert "Traceback (most recent call last)" in shown
    assert f"Cell In[{cell.content['execution_count']}], line 2" in shown
    assert "return a / 0" in shown
    assert "ZeroDivisionError: division by zero" in shown
    assert cell.error == {key: cell.content[key] for key in ("ename", "evalue", "traceback")}


def test_a_syntax_error_is_an_error_of_the_cell(kernel):
    cell = kernel.execute("a = = 1")
    assert (cell.content["status"], cell.content["ename"]) == ("error", "SyntaxError")
    assert cell.error["ename"] == "SyntaxError"


def test_a_user_defined_exception_keeps_its_name(kernel):
    cell = kernel.execute("class Broken(Exception): pass\nraise Broken('in two')")
    assert (cell.content["ename"], cell.content["evalue"]) == ("Broken", "in two")


def test_tracebacks_show_no_frame_of_the_kernel(kernel):
    cell = kernel.execute("1 / 0")
    shown = plain("\n".join(cell.content["traceback"]))
    assert "elasticpython" not in shown and "ipykernel/" not in shown
    assert len(re.findall(r"^(Cell|File) ", shown, re.M)) == 1


def test_an_exception_whose_str_raises_still_gets_a_reply(kernel):
    code = "class Bad(Exception):\n    def __str__(self): raise RuntimeError('no')\nraise Bad()"
    cell = kernel.execute(code)
    assert (cell.content["status"], cell.error["ename"]) == ("error", cell.content["ename"])
    assert cell.content["ename"] in ("Bad", "RuntimeError")


@pytest.mark.differs("name-of-display-errors")
def test_a_repr_that_raises_is_the_error_of_the_cell(kernel):
    cell = kernel.execute("class Mute:\n    def __repr__(self): raise ValueError('mute')\nMute()")
    assert (cell.content["ename"], cell.error["evalue"]) == ("ValueError", "mute")
    assert cell.result is None


@pytest.mark.differs("exceptions-without-text")
@pytest.mark.parametrize("body", ["raise ValueError('no text')", "return 5"])
def test_an_exception_whose_str_fails_is_the_error_of_the_cell(kernel, body):
    cell = kernel.execute(f"class Mute(Exception):\n    def __str__(self): {body}\nraise Mute")
    assert (cell.content["ename"], cell.content["evalue"]) == ("Mute", "<exception str() failed>")
    assert [each["ename"] for each in cell.of_type("error")] == ["Mute"]
    assert "raise Mute" in plain("".join(cell.content["traceback"]))
    assert kernel.execute("1 + 1").result == "2"


def test_system_exit_does_not_end_the_kernel(kernel):
    cell = kernel.execute("import sys; sys.exit(3)")
    assert (cell.content["status"], cell.content["ename"], cell.content["evalue"]) == (
        "error",
        "SystemExit",
        "3",
    )
    assert kernel.execute("1 + 1").result == "2"


def test_base_exceptions_and_keyboard_interrupts_are_errors(kernel):
    assert kernel.execute("raise KeyboardInterrupt").content["ename"] == "KeyboardInterrupt"
    assert kernel.execute("raise BaseException('x')").content["ename"] == "BaseException"
    assert kernel.execute("raise GeneratorExit").content["ename"] == "GeneratorExit"


def test_silent_publishes_nothing_but_status_and_output_and_does_not_count(kernel):
    before = last_count(kernel)
    cell = kernel.execute("silent_value = 5\nsilent_value", silent=True)
    kinds = [m["header"]["msg_type"] for m in cell.iopub]
    assert kinds == ["status", "status"]
    assert cell.content["status"] == "ok"
    assert kernel.execute("silent_value").result == "5"
    assert last_count(kernel) == before + 2


def test_a_silent_error_is_in_the_reply(kernel):
    cell = kernel.execute("1 / 0", silent=True)
    assert (cell.content["status"], cell.content["ename"]) == ("error", "ZeroDivisionError")


def test_without_store_history_the_counter_stays(kernel):
    before = last_count(kernel)
    cell = kernel.execute("'unstored'", store_history=False)
    assert cell.result == "'unstored'"
    assert last_count(kernel) == before + 1
    assert "unstored" not in kernel.execute("In[-3:]").result


def test_user_expressions_are_formatted_or_report_their_error(kernel):
    cell = kernel.execute("ue = 20", user_expressions={"good": "ue + 1", "bad": "no_such_name"})
    expressions = cell.content["user_expressions"]
    assert expressions["good"] == {"status": "ok", "data": {"text/plain": "21"}, "metadata": {}}
    assert (expressions["bad"]["status"], expressions["bad"]["ename"]) == ("error", "NameError")
    assert expressions["bad"]["traceback"]


def test_user_expressions_are_not_evaluated_after_an_error(kernel):
    cell = kernel.execute("1 / 0", user_expressions={"never": "1"})
    assert cell.content["user_expressions"] == {}


def test_after_an_error_queued_cells_are_aborted_and_other_requests_answered(kernel):
    failing = kernel.submit("import time; time.sleep(0.3); raise ValueError('stop here')")
    queued = [kernel.submit(f"aborted_{i} = 1") for i in range(3)]
    info = kernel.send("kernel_info_request")
    inspection = kernel.send("inspect_request", {"code": "len", "cursor_pos": 3, "detail_level": 0})
    comms = kernel.send("comm_info_request", {})
    for exchange in [failing, *queued, info, inspection, comms]:
        exchange.wait()
    assert failing.content["status"] == "error"
    for exchange in queued:
        assert exchange.content["status"] == "aborted"
        assert [m["header"]["msg_type"] for m in exchange.iopub] == ["status", "status"]
    assert info.content["status"] == "ok"
    assert inspection.content["found"] is True
    assert comms.content["status"] == "ok"
    assert kernel.execute("'aborted_0' in globals()").result == "False"


@pytest.mark.differs("sent-before-the-error")
def test_a_cell_that_was_sent_before_the_error_and_comes_after_it_is_aborted(kernel):
    failing = kernel.execute("import time; time.sleep(0.2); 1/0")
    message = kernel.session.msg("execute_request", {"code": "late = 1", "silent": False})
    message["header"]["date"] = failing.request["header"]["date"] + timedelta(milliseconds=50)
    kernel.session.send(kernel.sockets["shell"], message)
    late = Exchange(kernel, message, "shell").wait()
    assert late.content["status"] == "aborted"
    assert kernel.execute("'after'").result == "'after'"


def test_aborting_a_long_queue_takes_no_time(kernel, stopwatch):
    kernel.submit("import time; time.sleep(0.3); raise ValueError('stop here')")
    queued = [kernel.submit("pass") for _ in range(100)]
    queued[-1].wait()
    assert all(exchange.wait().content["status"] == "aborted" for exchange in queued)
    assert stopwatch() < 2.5


def test_without_stop_on_error_queued_cells_run(kernel):
    kernel.submit("import time; time.sleep(0.2); raise ValueError", stop_on_error=False)
    queued = kernel.submit("'still runs'").wait()
    assert queued.result == "'still runs'"


def test_cells_queued_behind_a_busy_one_run_in_order(kernel):
    first = kernel.submit("import time; order = []; time.sleep(0.2)")
    rest = [kernel.submit(f"order.append({i})") for i in range(10)]
    for exchange in [first, *rest]:
        exchange.wait()
    assert kernel.execute("order").result == str(list(range(10)))


def test_the_namespace_is_that_of_main(kernel):
    cell = kernel.execute(
        "import sys, __main__\nmine = 1\n__name__, vars(__main__) is globals(), __main__.mine"
    )
    assert cell.result == "('__main__', True, 1)"


def test_functions_and_classes_of_a_cell_know_their_module_and_source(kernel):
    kernel.execute("def sourced(x):\n    return x + 1\nclass Sourced:\n    pass")
    cell = kernel.execute(
        "import inspect\nprint(inspect.getsource(sourced))\nsourced.__module__, Sourced.__module__"
    )
    assert "return x + 1" in cell.stdout
    assert cell.result == "('__main__', '__main__')"


def test_the_name_of_the_cell_file_is_usable_by_tracebacks_and_warnings(kernel):
    cell = kernel.execute("import warnings\nwarnings.warn('look here')")
    assert "UserWarning: look here" in cell.stderr
    assert "warnings.warn('look here')" in cell.stderr


def test_a_cell_may_be_long_and_contain_any_unicode(kernel):
    text = "ä漢字🎉\u0000".replace("\u0000", "")
    cell = kernel.execute(f"long_text = '{text * 20000}'\nlen(long_text), long_text[:4]")
    assert cell.result == str((len(text) * 20000, text[:4]))


def test_recursion_without_end_is_an_error(kernel):
    # A lower limit, since IPython takes seconds to lay out the traceback of thousands of frames.
    kernel.execute("import sys\nlimit = sys.getrecursionlimit(); sys.setrecursionlimit(400)")
    cell = kernel.execute("def deeper(n): return deeper(n + 1)\ndeeper(0)")
    kernel.execute("sys.setrecursionlimit(limit)")
    assert cell.content["ename"] == "RecursionError"
    assert kernel.execute("1").result == "1"


def test_the_last_expression_mode_of_the_shell_is_respected(kernel):
    kernel.execute("get_ipython().ast_node_interactivity = 'all'")
    cell = kernel.execute("1\n2")
    kernel.execute("get_ipython().ast_node_interactivity = 'last_expr'")
    assert [content["data"]["text/plain"] for content in cell.of_type("execute_result")] == ["1", "2"]


def test_events_of_the_shell_fire_around_a_cell(kernel):
    kernel.execute(
        "fired = []\nshell = get_ipython()\n"
        "hooks = {n: (lambda *a, n=n: fired.append(n)) for n in\n"
        "         ('pre_execute', 'pre_run_cell', 'post_execute', 'post_run_cell')}\n"
        "for name, hook in hooks.items(): shell.events.register(name, hook)"
    )
    kernel.execute("fired.clear()")
    kernel.execute("fired.append('cell')")
    cell = kernel.execute("for name, hook in hooks.items(): shell.events.unregister(name, hook)\nfired")
    after, before = ["post_execute", "post_run_cell"], ["pre_execute", "pre_run_cell"]
    assert re.findall(r"'(\w+)'", cell.result) == [*after, *before, "cell", *after, *before]


@pytest.mark.parametrize("code", ["%%time\n1 + 1", "%time 1 + 1"])
def test_timing_magics_give_the_result(kernel, code):
    cell = kernel.execute(code)
    assert cell.result == "2"
    assert "Wall time" in cell.stdout


def test_the_interpreter_is_that_of_the_environment(kernel):
    cell = kernel.execute(
        "import sys, locale\n"
        "print(sys.executable, sys.prefix, sys.getfilesystemencoding(), sys.stdout.encoding,\n"
        "      sys.flags.utf8_mode or locale.getpreferredencoding(False))"
    )
    import sys

    executable, prefix, *encodings = cell.stdout.split()
    assert executable == sys.executable
    assert prefix == sys.prefix
    assert {encoding.lower() for encoding in encodings[:2]} == {"utf-8"}


def test_main_arguments_do_not_leak_into_the_session(kernel):
    cell = kernel.execute("import argparse\nargparse.ArgumentParser().parse_known_args()[0]")
    assert cell.content["status"] == "ok"


def test_signals_and_alarms_of_user_code_work(kernel):
    cell = kernel.execute(
        "import signal, time\nseen = []\nsignal.signal(signal.SIGALRM, lambda *a: seen.append(1))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\ntime.sleep(0.2)\nseen"
    )
    assert cell.result == "[1]"
