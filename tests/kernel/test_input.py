"""stdin: input(), passwords, and clients that cannot be asked."""

import pytest


def test_input_asks_with_its_prompt_and_returns_the_answer(kernel):
    cell = kernel.submit("answer = input('name? ')\nanswer", allow_stdin=True)
    asked = kernel.answer(cell, "Ada")
    assert asked == {"prompt": "name? ", "password": False}
    assert cell.wait().result == "'Ada'"


def test_several_inputs_of_one_cell(kernel):
    cell = kernel.execute("[input(str(i)) for i in range(3)]", answers=["a", "b", "c"])
    assert cell.result == "['a', 'b', 'c']"
    assert [m["content"]["prompt"] for m in cell.messages("stdin")] == ["0", "1", "2"]


def test_output_before_the_question_is_seen_before_it_is_answered(kernel):
    cell = kernel.submit("print('read this')\ninput()", allow_stdin=True)
    kernel.wait(lambda: cell.messages("stdin"), what="an input_request")
    cell.wait_for(lambda c: "read this" in c.stdout, timeout=3)
    kernel.answer(cell, "")
    assert cell.wait().result == "''"


def test_passwords_are_marked(kernel):
    cell = kernel.submit("import getpass\ngetpass.getpass('secret? ')", allow_stdin=True)
    asked = kernel.answer(cell, "hunter2")
    assert asked == {"prompt": "secret? ", "password": True}
    assert cell.wait().result == "'hunter2'"


@pytest.mark.differs("breakpoint")
def test_breakpoint_asks(own_kernel):
    cell = own_kernel.submit("x = 41\nbreakpoint()\nx += 1", allow_stdin=True)
    own_kernel.wait(lambda: cell.messages("stdin"), 5, "a question")
    own_kernel.answer(cell, "c")
    assert cell.wait().content["status"] == "ok"


def test_a_stream_for_a_password_is_warned_of(kernel):
    code = "import getpass\ngetpass.getpass('secret? ', stream=0)"
    cell = kernel.execute(code, answers=["hunter2"])
    assert cell.result == "'hunter2'" and "UserWarning: The `stream` parameter" in cell.stderr


def test_unicode_answers_and_prompts(kernel):
    cell = kernel.submit("input('größe 🎉')", allow_stdin=True)
    assert kernel.answer(cell, "ünï🎉")["prompt"] == "größe 🎉"
    assert cell.wait().result == "'ünï🎉'"


@pytest.mark.parametrize("code", ["input('x')", "import getpass; getpass.getpass()"])
def test_asking_where_nobody_answers_raises(kernel, code):
    cell = kernel.execute(code, allow_stdin=False)
    assert cell.content["ename"] == "StdinNotImplementedError"
    assert "does not support" in cell.content["evalue"]
    assert not cell.messages("stdin")


def test_the_prompt_is_converted_to_text(kernel):
    cell = kernel.submit("input(42)", allow_stdin=True)
    assert kernel.answer(cell, "")["prompt"] == "42"
    cell.wait()


def test_the_question_carries_the_parent_of_its_cell(kernel):
    cell = kernel.execute("input()", answers=["x"])
    assert cell.messages("stdin")[0]["parent_header"]["msg_id"] == cell.id


def test_an_answer_may_be_large(kernel):
    cell = kernel.execute("len(input())", answers=["y" * 1_000_000])
    assert cell.result == "1000000"


def test_sys_stdin_does_not_hang(kernel):
    cell = kernel.execute(
        "import sys\ntry: line = sys.stdin.readline()\nexcept Exception as e: line = ''\nline"
    )
    assert cell.result == "''"


def test_heartbeat_and_control_answer_while_input_waits(kernel):
    cell = kernel.submit("input()", allow_stdin=True)
    kernel.wait(lambda: cell.messages("stdin"), what="an input_request")
    assert kernel.heartbeat()
    assert kernel.request("kernel_info_request", channel="control", timeout=2).content["status"] == "ok"
    kernel.answer(cell, "done")
    assert cell.wait().result == "'done'"


def test_threads_go_on_while_input_waits(kernel):
    cell = kernel.submit(
        "import threading, time\nticks = []\n"
        "worker = threading.Thread(target=lambda: [ticks.append(time.sleep(0.01)) for _ in range(10)])\n"
        "worker.start(); input(); len(ticks)",
        allow_stdin=True,
    )
    kernel.wait(lambda: cell.messages("stdin"), what="an input_request")
    kernel.drain(0.5)
    kernel.answer(cell, "")
    assert cell.wait().result == "10"
