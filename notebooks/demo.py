"""What `make demo` runs: a notebook, a checkpoint, kill -9, a restore in a new kernel, and a comparison.

Everything goes through real kernel processes and Jupyter's protocol, as a notebook server would do it. The
cells are those of 01-first-checkpoint.ipynb. Before the kill and after the restore, fingerprint.py walks
every variable inside the kernel; anything that differs, is missing or is new makes the exit status 1.
"""

import ast
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from jupyter_client import KernelManager

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE / "01-first-checkpoint.ipynb"
CELL_TIMEOUT_S = 300
# Evaluated in the kernel by way of an empty silent cell, so that the session's history does not see it.
FINGERPRINTS = f"""__import__("json").dumps(__import__("runpy").run_path({str(HERE / "fingerprint.py")!r})
    ["fingerprints"](get_ipython().user_ns, get_ipython().user_ns_hidden))""".replace("\n", "")

REPORT = "__import__('json').dumps(get_ipython().user_ns['_oh'][{}].to_dict())"


class CellFailed(Exception):
    """A cell answered with an error; the message is what it showed and its traceback."""


class Kernel:
    """One kernel process of the notebook and the client that talks to it."""

    def __init__(self, environment):
        started = time.perf_counter()
        self.manager = KernelManager(kernel_name="elasticpython")
        self.manager.start_kernel(env=environment, cwd=str(HERE))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.start_seconds = time.perf_counter() - started

    def run(self, source, **options):
        """Runs one cell; returns its reply, what it showed as text, and the seconds until the reply."""
        shown = []

        def keep(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                shown.append(content["text"])
            elif message["msg_type"] in ("display_data", "execute_result"):
                shown.append(content["data"].get("text/plain", "") + "\n")

        started = time.perf_counter()
        reply = self.client.execute_interactive(source, output_hook=keep, timeout=CELL_TIMEOUT_S, **options)
        seconds = time.perf_counter() - started
        if reply["content"]["status"] != "ok":
            content = reply["content"]
            raise CellFailed("\n".join([*shown, *content.get("traceback", []), str(content.get("evalue"))]))
        return reply["content"], "".join(shown), seconds

    def value(self, expression):
        """The JSON text that an expression gives in the kernel, decoded; leaves no trace in the session."""
        reply, _, _ = self.run("", silent=True, store_history=False, user_expressions={"value": expression})
        answer = reply["user_expressions"]["value"]
        if answer["status"] != "ok":
            raise CellFailed("\n".join(answer["traceback"]))
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def kill(self):
        """SIGKILL: no handler, no last words, nothing flushed."""
        process = self.manager.provisioner.process
        process.kill()
        process.wait()
        self.close()

    def close(self):
        """Ends the client and, where it still runs, the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def cells_before(notebook, tag):
    """The sources of the code cells before the one that carries `tag`."""
    sources = []
    for cell in notebook.cells:
        if tag in cell.metadata.get("tags", []):
            return sources
        if cell.cell_type == "code":
            sources.append(cell.source)
    raise SystemExit(f"{NOTEBOOK.name} has no cell tagged {tag}")


def verdict(before, after):
    """How a variable came back, from its two fingerprints, either of which may be missing."""
    if after is None:
        return "MISSING"
    if before is None:
        return "NEW"
    if before["type"] != after["type"] or before["digest"] != after["digest"]:
        return "DIFFERS"
    return "same" if before["is"] == after["is"] else "OTHER LINKS"


def report(before, after, checkpoint, restore):
    """Prints a line a variable; returns the names of those that are not what they were."""
    print(f"\n{'variable':24}{'type':24}{'checkpoint':12}{'came back':12}compared")
    wrong = []
    for name in sorted(before | after):
        answer = verdict(before.get(name), after.get(name))
        action = checkpoint["variables"].get(name, {}).get("action", "-")
        status = restore["variables"].get(name, {}).get("status", "same")
        print(f"{name:24}{(before.get(name) or after[name])['type']:24}{action:12}{status:12}{answer}")
        if answer != "same":
            wrong.append(name)
            print(f"    before: {before.get(name)}\n    after:  {after.get(name)}")
    return wrong


def demonstrate(directory):
    """The whole story in `directory`, where the checkpoint goes; returns the exit status."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    environment = os.environ | {"JUPYTER_DATA_DIR": directory, "JPY_SESSION_NAME": str(NOTEBOOK)}

    print(f"Running {NOTEBOOK.name} in ElasticPython", flush=True)
    kernel = Kernel(environment)
    try:
        run_seconds = 0.0
        for source in cells_before(notebook, "checkpoint"):
            _, _, seconds = kernel.run(source)
            run_seconds += seconds
            print(f"{seconds:7.2f} s  {source.splitlines()[0][:90]}", flush=True)
        before = kernel.value(FINGERPRINTS)
        reply, text, checkpoint_seconds = kernel.run("%checkpoint")
        print(f"\n%checkpoint\n{text}")
        checkpoint = kernel.value(REPORT.format(reply["execution_count"]))
        print(f"kill -9 {kernel.manager.provisioner.process.pid}", flush=True)
    finally:
        kernel.kill()

    kernel = Kernel(environment)
    try:
        reply, text, restore_seconds = kernel.run("%restore")
        print(f"\n%restore, in process {kernel.manager.provisioner.process.pid}\n{text}")
        restore = kernel.value(REPORT.format(reply["execution_count"]))
        after = kernel.value(FINGERPRINTS)
    finally:
        kernel.close()

    wrong = report(before, after, checkpoint, restore)
    print(f"\n{'run all cells again':24}{run_seconds:8.2f} s")
    print(f"{'checkpoint':24}{checkpoint_seconds:8.2f} s   {checkpoint['bytes_total'] / 1e6:.1f} MB")
    print(f"{'restore':24}{restore_seconds:8.2f} s   {run_seconds / restore_seconds:.1f} times as fast as "
          f"running all again; a kernel starts in {kernel.start_seconds:.2f} s")
    if wrong:
        print(f"\n{len(wrong)} of {len(before)} variables are not what they were: {', '.join(wrong)}")
        return 1
    print(f"\nAll {len(before)} variables came back as they were.")
    return 0


def main():
    """Runs the demo in a directory of its own, so that it neither finds nor leaves a checkpoint of yours."""
    with tempfile.TemporaryDirectory(prefix="elasticpython-demo-") as directory:
        return demonstrate(directory)


if __name__ == "__main__":
    sys.exit(main())
