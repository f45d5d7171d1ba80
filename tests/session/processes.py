"""A process with IPython's shell and our session, and nothing of Jupyter."""

import json
import os
import subprocess
import sys
import textwrap

# The process under test: cells in as JSON, one answer out. It drives the session as the kernel does.
WORKER = textwrap.dedent("""
    import json, os, sys
    import elasticpython
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    from IPython.core.interactiveshell import InteractiveShell
    InteractiveShell.xmode = "Plain"
    shell = InteractiveShell.instance(colors="NoColor") if "colors" in InteractiveShell.class_traits() \\
        else InteractiveShell.instance()
    shell.history_manager.enabled = False
    from elasticpython import session_magics
    from elasticpython.session import ShellSession
    session = ShellSession(shell)
    session_magics.register(shell)
    from IPython.utils.capture import capture_output
    for line in requests:
        request = json.loads(line)
        answer = {}
        if "cell" in request:
            source = request["cell"]
            transformed, tags = shell.transform_cell(source), request.get("tags", ())
            with capture_output() as captured, session.cell(source, transformed, tags=tags) as running:
                result = shell.run_cell(source, store_history=True)
                error = result.error_before_exec or result.error_in_exec
                running.ended(error)
            answer = {"error": repr(error) if error else None, "output": captured.stdout,
                      "displays": len(captured.outputs)}
        elif "eval" in request:
            try:
                answer = {"value": eval(request["eval"], shell.user_ns)}
            except Exception as error:
                answer = {"error": repr(error)}
        elif "call" in request:
            try:
                called = getattr(elasticpython, request["call"], None) or getattr(session, request["call"])
                result = called(**request.get("options", {}))
                answer = {"value": result.to_dict() if hasattr(result, "to_dict") else result}
            except Exception as error:
                answer = {"error": repr(error)}
        print(json.dumps(answer), file=answers, flush=True)
    os._exit(0)
""")


class Process:
    """A session in a process of its own."""

    def __init__(self, directory, command=(sys.executable,), **environment):
        environment = (
            os.environ
            | {
                "JUPYTER_DATA_DIR": str(directory / "jupyter"),
                "IPYTHONDIR": str(directory / "ipython"),
                "XDG_DATA_HOME": str(directory / "xdg"),
                "PYTHONHASHSEED": "random",
            }
            | environment
        )
        (directory / "work").mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [*command, "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=directory / "work",
        )

    @property
    def pid(self):
        return self._process.pid

    def _ask(self, **request):
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, f"the process died with {self._process.wait()} on {request}"
        return json.loads(line)

    def run(self, *cells, fails=False, tags=()):
        """Runs cells; returns the last one's answer. Each must succeed unless `fails`."""
        for cell in cells:
            answer = self._ask(cell=textwrap.dedent(cell), tags=tags)
            assert fails or answer["error"] is None, f"{cell}: {answer}"
        return answer

    def value(self, expression):
        """A JSON-ready value, without a trace in the session."""
        answer = self._ask(eval=expression)
        assert "value" in answer, f"{expression}: {answer}"
        return answer["value"]

    def error_of(self, expression):
        return self._ask(eval=expression).get("error", "")

    def call(self, method, **options):
        answer = self._ask(call=method, options=options)
        assert "value" in answer, answer
        return answer["value"]

    def failing_call(self, method, **options):
        answer = self._ask(call=method, options=options)
        assert "error" in answer, answer
        return answer["error"]

    def checkpoint(self, path=None, **options):
        return self.call("checkpoint", path=str(path) if path else None, **options)

    def restore(self, path=None, **options):
        return self.call("restore", path=str(path) if path else None, **options)

    def kill(self):
        """SIGKILL, and waits for it."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
