"""Clients people use besides JupyterLab: nbconvert, papermill, jupyter console and jupyter run."""

import os
import sys
from pathlib import Path

import nbformat
import pexpect
import pytest
from client import plain
from conftest import chosen_doors
from kernelspecs import write_kernelspecs
from launching import DoorMissing, scratch_environment

CELLS = [
    ("parameters", "count = 3"),
    ("", "import sys, asyncio\nprint('printed', count); print('to stderr', file=sys.stderr)"),
    ("", "await asyncio.sleep(0.01)\nsum(range(count))"),
    ("", "import pandas as pd\npd.DataFrame({'column': range(count)})"),
    ("", "import matplotlib.pyplot as plt\nplt.plot(range(count));"),
    (
        "",
        "from IPython.display import display, clear_output\nh = display('a', display_id=True)\nh.update('b')",
    ),
    ("", "!echo from the shell"),
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory, request):
    """An environment whose Jupyter path holds a kernelspec for each chosen door."""
    directory = tmp_path_factory.mktemp("clients")
    try:
        write_kernelspecs(directory, chosen_doors(request.config))
    except DoorMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    return scratch_environment(directory / "home") | {"JUPYTER_PATH": str(directory), "TERM": "dumb"}


@pytest.fixture
def notebook(tmp_path):
    """A notebook with one cell of each kind of output."""
    book = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
    for tag, source in CELLS:
        book.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": [tag]} if tag else {}))
    path = tmp_path / "notebook.ipynb"
    nbformat.write(book, path)
    return path


def run(environment, *arguments, timeout=90, status=0):
    """Run a command of the environment; returns its output."""
    import subprocess

    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def check_outputs(path, count):
    """Check what an executed notebook holds."""
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    cells = [cell for cell in book.cells if cell.metadata.get("tags") != ["injected-parameters"]]
    outputs = [cell.outputs for cell in cells]
    streams = {output.name: output.text for output in outputs[1]}
    assert streams == {"stdout": f"printed {count}\n", "stderr": "to stderr\n"}
    assert outputs[2][0].data["text/plain"] == str(sum(range(count)))
    assert "<table" in outputs[3][0].data["text/html"]
    assert outputs[4][0].data["image/png"]
    assert outputs[5][0].data["text/plain"] == "'b'"
    assert outputs[6][0].text.split() == ["from", "the", "shell"]
    counts = [cell.execution_count for cell in book.cells]
    assert counts == list(range(1, len(counts) + 1))


def test_nbconvert_executes_a_notebook(door, environment, notebook, tmp_path):
    run(
        environment,
        *(
            "nbconvert",
            "--to",
            "notebook",
            "--execute",
            str(notebook),
            "--output",
            str(tmp_path / "done.ipynb"),
        ),
        f"--ExecutePreprocessor.kernel_name={door}-under-test",
    )
    check_outputs(tmp_path / "done.ipynb", 3)


def test_nbconvert_stops_at_an_error(door, environment, notebook, tmp_path):
    book = nbformat.read(notebook, as_version=4)
    book.cells.insert(1, nbformat.v4.new_code_cell("raise ValueError('stop the conversion')"))
    nbformat.write(book, notebook)
    output = run(
        environment,
        *(
            "nbconvert",
            "--to",
            "notebook",
            "--execute",
            str(notebook),
            "--output",
            str(tmp_path / "done.ipynb"),
        ),
        f"--ExecutePreprocessor.kernel_name={door}-under-test",
        status=1,
    )
    assert "ValueError: stop the conversion" in plain(output)


def test_papermill_injects_parameters(door, environment, notebook, tmp_path):
    done = tmp_path / "done.ipynb"
    run(
        environment,
        *(
            "papermill",
            str(notebook),
            str(done),
            "-k",
            f"{door}-under-test",
            "-p",
            "count",
            "5",
            "--no-progress-bar",
        ),
    )
    check_outputs(done, 5)


def test_jupyter_run(door, environment, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint('run by jupyter run')\nx = 6\n")
    output = run(environment, "jupyter_client.runapp", "--kernel", f"{door}-under-test", str(script))
    assert "run by jupyter run" in output


def test_jupyter_console(door, environment, tmp_path):
    console = pexpect.spawn(
        sys.executable,
        ["-m", "jupyter_console", "--simple-prompt", "--kernel", f"{door}-under-test"],
        env=environment,
        encoding="utf-8",
        timeout=30,
        cwd=str(tmp_path),
        dimensions=(40, 120),
    )
    log = open(Path(tmp_path, "console.log"), "w")
    console.logfile_read = log
    try:
        console.expect(r"In \[1\]:")
        console.sendline("6 * 7")
        console.expect(r"Out\[1\]:.*42")
        console.expect(r"In \[2\]:")
        console.sendline("print('printed in', 'the console')")
        console.expect("printed in the console")
        console.expect(r"In \[3\]:")
        console.sendline("answer = input('who? ')")
        console.expect(r"who\? ")
        console.sendline("somebody")
        console.expect(r"In \[4\]:")
        console.sendline("answer.upper()")
        console.expect("SOMEBODY")
        console.expect(r"In \[5\]:")
        console.sendline("1 / 0")
        console.expect("ZeroDivisionError")
        console.expect(r"In \[6\]:")
        console.sendline("exit")
        console.expect(pexpect.EOF)
        console.close()
        assert console.exitstatus == 0
    finally:
        console.close(force=True)
        log.close()


def test_nothing_is_left_running(environment):
    import psutil

    home = environment["HOME"]
    left = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("HOME") == home:
                left.append(process.cmdline())
        except psutil.Error:
            continue
    assert left == []
