"""An interrupt ends what runs, in every state a kernel can be in, and never the kernel."""

import time

import pytest

BY_MESSAGE_AND_SIGNAL = pytest.mark.parametrize("how", ["message", "signal"])


def interrupted(kernel, cell, how, timeout=5.0):
    """Interrupt a running cell and check that it ended by KeyboardInterrupt."""
    started = time.monotonic()
    exchange = kernel.interrupt(how)
    cell.wait(timeout)
    assert cell.content["status"] == "error", cell.content
    assert cell.content["ename"] == "KeyboardInterrupt"
    if exchange:
        assert exchange.wait().content == {"status": "ok"}
    return time.monotonic() - started


def running(kernel, code, settle=0.15, **content):
    """Submit a cell that prints `go` and then blocks; return once it is there."""
    cell = kernel.submit("print('go', flush=True)\n" + code, **content)
    cell.wait_for(lambda c: "go" in c.stdout)
    time.sleep(settle)
    return cell


@BY_MESSAGE_AND_SIGNAL
@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import select; select.select([], [], [], 60)",
        "import threading; threading.Event().wait(60)",
        "import queue; queue.Queue().get()",
        "import subprocess; subprocess.run(['sleep', '60'])",
        "import os; r, w = os.pipe(); os.read(r, 1)",
        "!sleep 60",
    ],
    ids=["busy", "sleep", "select", "event", "queue", "child", "read", "shell"],
)
def test_a_blocked_cell_is_interrupted(kernel, code, how):
    if code.startswith("!"):
        cell = running(kernel, code, settle=0.4)
        kernel.interrupt(how)
        cell.wait(8)
        assert kernel.execute("1").result == "1"
    else:
        assert interrupted(kernel, running(kernel, code), how) < 2.0
        assert kernel.execute("1").result == "1"


LONG = "import time; time.sleep(60)"


@BY_MESSAGE_AND_SIGNAL
@pytest.mark.parametrize(
    "code",
    [
        f"import os, sys; os.system(f'{{sys.executable}} -c \"{LONG}\"')",
        f"%%script python\n{LONG}",
        "import threading, subprocess, sys\n"
        f"children = [subprocess.Popen([sys.executable, '-c', '{LONG}'])]\n"
        "waits = threading.Thread(target=children[0].wait); waits.start(); waits.join()",
        "import threading, subprocess, sys\nchildren = []\n"
        f"starts = lambda: children.append(subprocess.Popen([sys.executable, '-c', '{LONG}']))\n"
        "started = threading.Thread(target=starts); started.start(); started.join(); children[0].wait()",
        "import multiprocessing, time\n"
        "child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))\n"
        "child.start(); child.join()",
    ],
    ids=["system", "script", "child", "child of a thread", "fork"],
)
def test_the_children_of_a_cell_are_interrupted_with_it(own_kernel, code, how):
    family = "import psutil; sum(each.status() != 'zombie' for each in psutil.Process().children())"
    before = own_kernel.execute(family).result
    if code.startswith("%%"):
        cell = own_kernel.submit(code)
        time.sleep(0.5)
    else:
        cell = running(own_kernel, code, settle=0.5)
    own_kernel.interrupt(how)
    cell.wait(10)
    deadline = time.monotonic() + 5
    while own_kernel.execute(family).result != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert own_kernel.execute(family).result == before


@BY_MESSAGE_AND_SIGNAL
def test_what_a_comm_message_runs_is_interrupted(kernel, how):
    kernel.execute(
        "from comm import get_comm_manager\nimport time\n"
        "def opened(comm, message):\n    print('go', flush=True); time.sleep(60); print('ran on')\n"
        "get_comm_manager().register_target('slow', opened)"
    )
    exchange = kernel.send("comm_open", {"comm_id": f"slow-{how}", "target_name": "slow", "data": {}})
    exchange.wait_for(lambda e: "go" in e.stdout)
    time.sleep(0.1)
    kernel.interrupt(how)
    exchange.wait_for(lambda e: "idle" in e.states, timeout=10)
    assert "ran on" not in exchange.stdout
    assert kernel.execute("1").result == "1"


@pytest.mark.differs("interrupt-while-awaiting")
@BY_MESSAGE_AND_SIGNAL
def test_an_awaiting_cell_is_interrupted_at_once(own_kernel, how):
    kernel = own_kernel
    cell = running(kernel, "import asyncio\nawait asyncio.sleep(60)")
    kernel.interrupt(how)
    cell.wait(2)
    assert cell.content["status"] == "error"
    assert cell.content["ename"] in ("KeyboardInterrupt", "CancelledError")
    assert kernel.execute("await asyncio.sleep(0.01)\n1").result == "1"


@BY_MESSAGE_AND_SIGNAL
def test_user_code_can_catch_an_interrupt(kernel, how):
    code = "import time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: print('caught')\n'went on'"
    cell = running(kernel, code)
    kernel.interrupt(how)
    cell.wait(5)
    assert "caught" in cell.stdout
    assert cell.result == "'went on'"


@BY_MESSAGE_AND_SIGNAL
def test_an_interrupt_while_idle_does_nothing(kernel, how):
    exchange = kernel.interrupt(how)
    if exchange:
        exchange.wait()
    kernel.drain(0.2)
    cell = kernel.execute("import time; time.sleep(0.1); 'undisturbed'")
    assert cell.result == "'undisturbed'"


@BY_MESSAGE_AND_SIGNAL
def test_many_interrupts_while_idle_do_nothing(kernel, how):
    exchanges = [kernel.interrupt(how) for _ in range(20)]
    for exchange in filter(None, exchanges):
        exchange.wait()
    kernel.drain(0.2)
    for _ in range(5):
        assert kernel.execute("import time; time.sleep(0.02); 'undisturbed'").result == "'undisturbed'"


@BY_MESSAGE_AND_SIGNAL
def test_an_interrupt_while_input_waits_ends_the_cell(kernel, how):
    cell = kernel.submit("input('waiting ')", allow_stdin=True)
    kernel.wait(lambda: cell.messages("stdin"), what="an input_request")
    interrupted(kernel, cell, how)
    assert cell.content["evalue"] == "Interrupted by user"
    assert kernel.execute("input()", answers=["fine"]).result == "'fine'"


@BY_MESSAGE_AND_SIGNAL
def test_user_code_can_catch_an_interrupt_of_input(kernel, how):
    cell = kernel.submit(
        "try: input()\nexcept KeyboardInterrupt: print('caught')\n'went on'", allow_stdin=True
    )
    kernel.wait(lambda: cell.messages("stdin"), what="an input_request")
    kernel.interrupt(how)
    cell.wait(5)
    assert (cell.stdout, cell.result) == ("caught\n", "'went on'")


@BY_MESSAGE_AND_SIGNAL
def test_a_late_answer_to_an_interrupted_input_is_not_given_to_the_next(kernel, how):
    cell = kernel.submit("input('first ')", allow_stdin=True)
    kernel.wait(lambda: cell.messages("stdin"), what="an input_request")
    kernel.interrupt(how)
    cell.wait(5)
    kernel.answer(cell, "too late")
    kernel.drain(0.1)
    assert kernel.execute("input('second ')", answers=["in time"]).result == "'in time'"


@BY_MESSAGE_AND_SIGNAL
def test_an_interrupt_ends_the_debugger_prompt(kernel, how):
    cell = kernel.submit("inside = 1\nimport pdb; pdb.set_trace()\n'after'", allow_stdin=True)
    kernel.wait(lambda: cell.messages("stdin"), what="the prompt of pdb")
    kernel.interrupt(how)
    cell.wait(5)
    assert cell.replies
    assert kernel.execute("'alive'").result == "'alive'"


def test_the_debugger_prompt_answers_and_continues(kernel):
    cell = kernel.execute(
        "def traced(value):\n    import pdb; pdb.set_trace()\n    return value + 1\ntraced(41)",
        answers=["p value * 2", "c"],
    )
    assert "82" in cell.stdout
    assert cell.result == "42"


def test_a_cell_after_one_that_went_through_the_debugger_is_interrupted(kernel):
    kernel.execute("import pdb; pdb.set_trace()\n'after'", answers=["c"])
    interrupted(kernel, running(kernel, "while True: pass"), "message")


def test_breakpoint_prompts_or_is_ignored_but_never_hangs(kernel):
    # debugpy replaces sys.breakpointhook when it is loaded; its hook does nothing while nobody is attached.
    cell = kernel.submit("value = 3\nbreakpoint()\nvalue", allow_stdin=True)
    kernel.wait(lambda: cell.messages("stdin") or cell.done, what="a prompt or the end of the cell")
    if cell.messages("stdin"):
        kernel.answer(cell, "c")
    assert cell.wait().result == "3"


def test_the_debug_magic_looks_into_the_last_traceback(kernel):
    kernel.execute("def failing(x):\n    return x / 0\nfailing(5)")
    cell = kernel.execute("%debug", answers=["p x * 11", "q"])
    assert "55" in cell.stdout


def test_an_interrupt_stops_the_queue(kernel):
    cell = running(kernel, "import time; time.sleep(60)")
    queued = [kernel.submit("ran = True") for _ in range(3)]
    kernel.drain(0.1)
    interrupted(kernel, cell, "message")
    assert [exchange.wait().content["status"] for exchange in queued] == ["aborted"] * 3


def test_an_interrupt_is_answered_at_once_while_a_cell_swallows_it(kernel, stopwatch):
    cell = running(
        kernel,
        "import time\nend = time.time() + 1.5\nwhile time.time() < end:\n"
        "    try: time.sleep(0.05)\n    except KeyboardInterrupt: pass",
    )
    stopwatch()
    kernel.interrupt("message").wait(1)
    assert stopwatch() < 1.0
    assert cell.wait().content["status"] == "ok"


@BY_MESSAGE_AND_SIGNAL
def test_an_own_sigint_handler_of_user_code_is_called(kernel, how):
    cell = running(
        kernel,
        "import signal, time\ngot = []\nold = signal.signal(signal.SIGINT, lambda *a: got.append('mine'))\n"
        "end = time.time() + 3\nwhile not got and time.time() < end: time.sleep(0.02)\n"
        "signal.signal(signal.SIGINT, old)\ngot",
    )
    kernel.interrupt(how)
    cell.wait(8)
    assert cell.result is not None and cell.result.startswith("['mine'")


def test_a_handler_that_a_cell_leaves_behind_keeps_no_later_cell_from_being_interrupted(kernel):
    for handler in ("signal.SIG_IGN", "lambda *a: None"):
        kernel.execute(f"import signal\nprevious = signal.signal(signal.SIGINT, {handler})")
        interrupted(kernel, running(kernel, "import time\ntime.sleep(5)"), "message")


@BY_MESSAGE_AND_SIGNAL
def test_interrupting_again_and_again_never_loses_a_reply(kernel, how):
    for _ in range(8):
        cell = kernel.submit("while True: pass")
        cell.wait_for(lambda c: c.of_type("execute_input"))
        time.sleep(0.03)
        interrupted(kernel, cell, how)
    assert kernel.execute("'alive'").result == "'alive'"


def test_an_interrupt_strikes_a_cell_that_was_announced_but_does_not_run_yet(kernel):
    if not kernel.is_ours:
        pytest.skip("under ipykernel such an interrupt can be lost")
    for _ in range(20):
        cell = kernel.submit("while True: pass")
        cell.wait_for(lambda c: c.of_type("status"))
        interrupted(kernel, cell, "message")
        assert "kernel.py" not in "".join(cell.content["traceback"])
    assert kernel.execute("'alive'").result == "'alive'"


@pytest.mark.differs("interrupt-before-the-code")
def test_an_interrupt_of_a_callback_before_the_cell_ends_the_cell(kernel):
    kernel.execute(
        "ran, events = [], get_ipython().events\n"
        "def struck():\n    events.unregister('pre_execute', struck)\n    raise KeyboardInterrupt\n"
        "events.register('pre_execute', struck)"
    )
    struck = kernel.execute("ran.append(1)").content
    assert struck["ename"] == "KeyboardInterrupt"
    assert kernel.execute("ran").result == "[]"
    assert kernel.execute(f"In[{struck['execution_count']}:]").result.startswith("['ran.append(1)', 'ran', ")


def test_children_of_a_cell_get_the_default_signal_mask(kernel):
    cell = kernel.execute(
        "import subprocess, sys\n"
        "print(subprocess.run([sys.executable, '-c', 'import signal; "
        "print(len(signal.pthread_sigmask(0, [])),'\n"
        "      'signal.getsignal(2) is signal.default_int_handler or signal.getsignal(2))'],\n"
        "      capture_output=True, text=True).stdout)"
    )
    assert cell.stdout.split()[0] == "0"


def test_signals_of_user_threads_and_alarms_arrive_while_a_cell_runs(kernel):
    cell = kernel.execute(
        "import signal, time, os\ncaught = []\nold = signal.signal(signal.SIGUSR1, "
        "lambda *a: caught.append(1))\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\ntime.sleep(0.05)\nsignal.signal(signal.SIGUSR1, old)\ncaught"
    )
    assert cell.result == "[1]"


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGWINCH", "SIGCHLD", "SIGALRM", "SIGCONT"])
def test_other_signals_while_idle_do_no_harm(kernel, name):
    import signal

    kernel.execute(f"import signal\ngot = []\nold = signal.signal(signal.{name}, lambda *a: got.append(1))")
    for _ in range(5):
        kernel.process.process.send_signal(getattr(signal, name))
        kernel.drain(0.02)
    cell = kernel.execute(f"signal.signal(signal.{name}, old)\nlen(got) >= 1")
    assert cell.result == "True"
