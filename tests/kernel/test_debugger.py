"""The debugger as JupyterLab drives it: debug_request on control, DAP inside, events on iopub."""

import time

import pytest
from client import plain

CODE = (
    "def scaled(value, factor):\n"
    "    local_sum = value + 1\n"
    "    result = local_sum * factor\n"
    "    return result\n"
    "global_list = [1, 2]\n"
    "scaled(4, 10)"
)


class Dap:
    """Sends DAP requests through debug_request messages."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.sequence = 0

    def __call__(self, command, timeout=15, **arguments):
        self.sequence += 1
        content = {"type": "request", "seq": self.sequence, "command": command, "arguments": arguments}
        reply = self.kernel.request("debug_request", content, channel="control", timeout=timeout).content
        assert reply.get("type", "response") == "response", reply
        return reply

    def events(self, name):
        """The bodies of the debug events of one kind."""
        return [
            message["content"].get("body", {})
            for message in self.kernel.received["iopub"]
            if message["header"]["msg_type"] == "debug_event" and message["content"]["event"] == name
        ]

    def attach(self):
        """Initialise and attach, as JupyterLab does when its bug button is pressed."""
        initialized = self(
            "initialize",
            clientID="jupyterlab",
            clientName="JupyterLab",
            adapterID="python",
            pathFormat="path",
            linesStartAt1=True,
            columnsStartAt1=True,
            supportsVariableType=True,
            supportsVariablePaging=True,
            supportsRunInTerminalRequest=True,
            locale="en",
        )
        assert initialized["success"], initialized
        attached = self("attach")
        assert attached["success"], attached
        return initialized

    def break_at(self, code, *lines):
        """Dump a cell and set its breakpoints; returns the path of the dumped cell."""
        path = self("dumpCell", code=code)["body"]["sourcePath"]
        reply = self(
            "setBreakpoints",
            source={"path": path},
            breakpoints=[{"line": line} for line in lines],
            sourceModified=False,
        )
        assert reply["success"], reply
        assert [point["line"] for point in reply["body"]["breakpoints"]] == list(lines)
        assert self("configurationDone")["success"]
        return path

    def wait_stopped(self, count=1):
        """Wait for the next stop; returns the thread that stopped."""
        self.kernel.wait(lambda: len(self.events("stopped")) >= count, 15, f"{count} stopped event(s)")
        return self.events("stopped")[-1]["threadId"]

    def let_go(self):
        """Let stopped threads run; the event that says that they do comes after the reply."""
        deadline = time.monotonic() + 1
        while threads := self("debugInfo")["body"]["stoppedThreads"]:
            if time.monotonic() > deadline:
                content = {
                    "type": "request",
                    "seq": 999,
                    "command": "continue",
                    "arguments": {"threadId": min(threads)},
                }
                self.kernel.send("debug_request", content, channel="control")
                break
            self.kernel.drain(0.05)

    def frames(self, thread):
        """The stack of a thread, topmost first."""
        return self("stackTrace", threadId=thread)["body"]["stackFrames"]

    def locals(self, frame):
        """The local variables of a frame."""
        scopes = self("scopes", frameId=frame["id"])["body"]["scopes"]
        reference = next(s for s in scopes if s["name"].startswith("Local"))["variablesReference"]
        found = self("variables", variablesReference=reference)["body"]["variables"]
        return {variable["name"]: variable["value"] for variable in found}


@pytest.fixture(scope="module")
def shared_kernels():
    """Kernels of this module alone: debugpy, once loaded, also follows the children of a kernel."""
    return {}


@pytest.fixture
def dap(kernel):
    """A debugger session on the shared kernel, ended after the test."""
    session = Dap(kernel)
    yield session
    session.let_go()
    if session("debugInfo")["body"]["isStarted"]:
        session("disconnect", restart=False, terminateDebuggee=False)


def test_debug_info_before_anything_started(dap):
    reply = dap("debugInfo")
    assert reply["success"] is True and reply["command"] == "debugInfo"
    body = reply["body"]
    assert body["isStarted"] is False
    assert body["hashMethod"] == "Murmur2"
    assert isinstance(body["hashSeed"], int)
    assert body["tmpFilePrefix"].endswith("/") and body["tmpFileSuffix"] == ".py"
    assert body["breakpoints"] == [] and body["stoppedThreads"] == []
    assert body["richRendering"] is True and body["copyToGlobals"] is True
    assert body["exceptionPaths"] == ["Python Exceptions"]


def test_attach_announces_and_names_capabilities(dap):
    initialized = dap.attach()
    assert initialized["body"]["supportsSetVariable"] is True
    assert initialized["body"]["supportsConditionalBreakpoints"] is True
    assert dap("debugInfo")["body"]["isStarted"] is True


def test_the_name_of_a_dumped_cell_is_the_one_its_code_object_has(dap, kernel):
    dap.attach()
    code = "import sys\nsys._getframe().f_code.co_filename"
    path = dap("dumpCell", code=code)["body"]["sourcePath"]
    info = dap("debugInfo")["body"]
    assert path.startswith(info["tmpFilePrefix"]) and path.endswith(info["tmpFileSuffix"])
    assert kernel.execute(code).result == repr(path)
    assert dap("source", source={"path": path})["body"]["content"] == code


def test_a_breakpoint_stops_the_cell_and_its_variables_can_be_read(dap, kernel):
    dap.attach()
    path = dap.break_at(CODE, 3)
    cell = kernel.submit(CODE)
    thread = dap.wait_stopped()
    top = dap.frames(thread)[0]
    assert (top["line"], top["name"], top["source"]["path"]) == (3, "scaled", path)
    assert dap.locals(top) == {"factor": "10", "local_sum": "5", "value": "4"}
    assert thread in dap("debugInfo")["body"]["stoppedThreads"]
    assert not cell.replies
    dap("continue", threadId=thread)
    assert cell.wait().result == "50"
    dap.let_go()
    assert dap("debugInfo")["body"]["stoppedThreads"] == []


def test_stepping(dap, kernel):
    dap.attach()
    code = "first = 1\nsecond = 2\nthird = 3\n'stepped through'"
    dap.break_at(code, 1)
    cell = kernel.submit(code)
    thread = dap.wait_stopped(1)
    for count, line in ((2, 2), (3, 3)):
        dap("next", threadId=thread)
        thread = dap.wait_stopped(count)
        assert dap.frames(thread)[0]["line"] == line
    dap("continue", threadId=thread)
    assert cell.wait().result == "'stepped through'"


def test_stepping_in_and_out(dap, kernel):
    dap.attach()
    code = "def inside(a):\n    b = a * 2\n    return b\n\nouter = inside(21)\nouter"
    dap.break_at(code, 5)
    cell = kernel.submit(code)
    thread = dap.wait_stopped(1)
    dap("stepIn", threadId=thread)
    thread = dap.wait_stopped(2)
    assert (dap.frames(thread)[0]["name"], dap.frames(thread)[0]["line"]) == ("inside", 2)
    dap("stepOut", threadId=thread)
    thread = dap.wait_stopped(3)
    assert dap.frames(thread)[0]["line"] in (5, 6)
    dap("continue", threadId=thread)
    assert cell.wait().result == "42"


def test_the_frames_of_a_stop_end_with_the_cell(dap, kernel):
    dap.attach()
    path = dap.break_at(CODE, 3)
    cell = kernel.submit(CODE)
    thread = dap.wait_stopped()
    frames = dap.frames(thread)
    assert [frame["source"]["path"] for frame in frames[:2]] == [path, path]
    assert [frame["line"] for frame in frames[:2]] == [3, 6]
    dap("continue", threadId=thread)
    cell.wait()


def test_leading_blank_lines_keep_their_numbers(dap, kernel):
    dap.attach()
    code = "\n\n\nfourth = 4\nfifth = 5\n'numbered'"
    dap.break_at(code, 5)
    cell = kernel.submit(code)
    thread = dap.wait_stopped()
    assert dap.frames(thread)[0]["line"] == 5
    dap("continue", threadId=thread)
    assert cell.wait().result == "'numbered'"


def test_conditional_breakpoints(dap, kernel):
    dap.attach()
    code = "total = 0\nfor i in range(10):\n    total += i\ntotal"
    path = dap("dumpCell", code=code)["body"]["sourcePath"]
    dap("setBreakpoints", source={"path": path}, breakpoints=[{"line": 3, "condition": "i == 7"}])
    dap("configurationDone")
    cell = kernel.submit(code)
    thread = dap.wait_stopped()
    assert dap("evaluate", expression="i", frameId=dap.frames(thread)[0]["id"])["body"]["result"] == "7"
    dap("continue", threadId=thread)
    assert cell.wait().result == "45"


def test_evaluate_and_set_variable_while_stopped(dap, kernel):
    dap.attach()
    dap.break_at(CODE, 3)
    cell = kernel.submit(CODE)
    thread = dap.wait_stopped()
    frame = dap.frames(thread)[0]
    reply = dap("evaluate", expression="local_sum * 100", frameId=frame["id"], context="repl")
    assert reply["body"]["result"] == "500"
    scopes = dap("scopes", frameId=frame["id"])["body"]["scopes"]
    dap("setVariable", variablesReference=scopes[0]["variablesReference"], name="local_sum", value="7")
    dap("continue", threadId=thread)
    assert cell.wait().result == "70"


def test_rich_variables_while_running_and_while_stopped(dap, kernel):
    kernel.execute(
        "class RichVariable:\n    def __repr__(self): return 'plain rich'\n"
        "    def _repr_html_(self): return '<i>rich</i>'\nrich_variable = RichVariable()"
    )
    reply = dap("richInspectVariables", variableName="rich_variable")
    assert reply["success"] is True
    assert reply["body"]["data"] == {"text/plain": "plain rich", "text/html": "<i>rich</i>"}
    dap.attach()
    code = "def stop_here(inner):\n    done = 1\n    return done\nstop_here(rich_variable)"
    dap.break_at(code, 2)
    cell = kernel.submit(code)
    thread = dap.wait_stopped()
    frame = dap.frames(thread)[0]
    reply = dap("richInspectVariables", variableName="inner", frameId=frame["id"])
    assert reply["body"]["data"] == {"text/plain": "plain rich", "text/html": "<i>rich</i>"}
    dap("continue", threadId=thread)
    cell.wait()


def test_copy_to_globals_while_stopped(dap, kernel):
    dap.attach()
    dap.break_at(CODE, 3)
    cell = kernel.submit(CODE)
    thread = dap.wait_stopped()
    reply = dap(
        "copyToGlobals",
        srcVariableName="local_sum",
        dstVariableName="copied_out",
        srcFrameId=dap.frames(thread)[0]["id"],
    )
    assert reply["success"] is True
    dap("continue", threadId=thread)
    cell.wait()
    assert kernel.execute("copied_out").result == "5"


def test_variables_without_a_stop(dap, kernel):
    kernel.execute("shown_variable = {'key': 'value'}\n_hidden = 1")
    dap.attach()
    reply = dap("inspectVariables")
    found = {variable["name"]: variable for variable in reply["body"]["variables"]}
    assert found["shown_variable"]["type"] == "dict"
    assert "get_ipython" not in found and "In" not in found
    children = dap("variables", variablesReference=found["shown_variable"]["variablesReference"])
    assert any(child["value"] == "'value'" for child in children["body"]["variables"])


def test_modules_are_listed(dap):
    body = dap("modules")["body"]
    assert body["totalModules"] > 50
    assert any(module["name"] == "json" for module in body["modules"])


def test_breakpoints_are_remembered_by_debug_info(dap):
    dap.attach()
    path = dap.break_at(CODE, 2, 3)
    points = dap("debugInfo")["body"]["breakpoints"]
    assert [point["source"] for point in points] == [path]
    assert [line["line"] for line in points[0]["breakpoints"]] == [2, 3]


def test_the_debugger_starts_again_after_a_disconnect(dap, kernel):
    for _ in range(2):
        dap.attach()
        code = "again = 1\n'twice'"
        dap.break_at(code, 1)
        stops = len(dap.events("stopped"))
        cell = kernel.submit(code)
        thread = dap.wait_stopped(stops + 1)
        dap("continue", threadId=thread)
        assert cell.wait().result == "'twice'"
        assert dap("disconnect", restart=False, terminateDebuggee=False)["success"]
        assert dap("debugInfo")["body"]["isStarted"] is False
    assert kernel.execute(code).result == "'twice'"


def test_nothing_of_the_debugger_shows_in_a_cell(own_kernel):
    if not own_kernel.is_ours:
        pytest.skip("ipykernel now and then shows the warnings of debugpy about frozen modules")
    dap = Dap(own_kernel)
    dap.attach()
    cell = own_kernel.execute("print('only this')")
    assert (cell.stdout, cell.stderr) == ("only this\n", "")
    everything = "".join(
        m["content"]["text"] for m in own_kernel.received["iopub"] if m["header"]["msg_type"] == "stream"
    )
    assert everything == "only this\n"
    names = own_kernel.execute("[n for n in dir() if not n.startswith('_')]").result
    assert "pydevd" not in names


def test_children_after_debugging_are_left_alone(own_kernel):
    if not own_kernel.is_ours:
        pytest.skip("under ipykernel debugpy follows the children of a kernel that was debugged")
    dap = Dap(own_kernel)
    dap.attach()
    code = "stopped = 1\nstopped"
    dap.break_at(code, 1)
    own_kernel.submit(code)
    dap("continue", threadId=dap.wait_stopped())
    dap("disconnect", restart=False, terminateDebuggee=False)
    cell = own_kernel.execute("!echo from a child", timeout=4)
    assert (cell.stdout.split(), cell.stderr) == (["from", "a", "child"], "")
    cell = own_kernel.execute(
        "import math, multiprocessing\n"
        "with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "    roots = pool.map(math.sqrt, [4, 9])\nroots"
    )
    own_kernel.drain(0.2)
    assert (cell.result, cell.stderr) == ("[2.0, 3.0]", "")


@pytest.mark.differs("interrupt-while-debugging")
def test_a_cell_stopped_at_a_breakpoint_can_be_interrupted(own_kernel):
    dap = Dap(own_kernel)
    dap.attach()
    code = "waiting = 1\nimport time\nprint('go on', flush=True)\ntime.sleep(60)"
    dap.break_at(code, 1)
    cell = own_kernel.submit(code)
    thread = dap.wait_stopped()
    dap("continue", threadId=thread)
    cell.wait_for(lambda c: "go on" in c.stdout)
    own_kernel.drain(0.2)
    own_kernel.interrupt("message")
    assert cell.wait(5).content["ename"] == "KeyboardInterrupt"


def test_errors_of_debugged_cells_have_normal_tracebacks(dap, kernel):
    dap.attach()
    dap("configurationDone")
    cell = kernel.execute("def fails():\n    raise ValueError('debugged')\nfails()")
    shown = plain("\n".join(cell.content["traceback"]))
    assert cell.content["ename"] == "ValueError"
    assert "pydevd" not in shown and "raise ValueError('debugged')" in shown


def test_unknown_debug_commands_do_not_kill_the_kernel(dap, kernel):
    dap.attach()
    reply = dap("noSuchCommand")
    assert reply["success"] is False
    assert kernel.execute("1").result == "1"
