"""Processes that have imported what notebooks import, at the price of a fork.

`ForkServer.run(module, task)` has a fresh child of the server do `module.run_task(task)`. Two servers share
nothing: their addresses and string hashes differ, so a session that moves from one's child to the other's is
in a new process.

The children drive the session with the modules beside this file. Those must not pass for the user's own,
which belong to the session: they are imported through a link called site-packages.
"""

import faulthandler
import importlib
import json
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path

# What a shell, a session, a checkpoint and a restore import on their way.
SESSION = """
    numpy.random numpy.ma IPython IPython.core.application IPython.core.crashhandler
    IPython.core.completer IPython.core.completerlib IPython.core.oinspect
    IPython.core.pylabtools IPython.core.magic_arguments IPython.core.logger IPython.utils.capture
    IPython.utils.wildcard IPython.core.magics.ast_mod IPython.core.magics.auto IPython.core.magics.basic
    IPython.core.magics.code IPython.core.magics.config IPython.core.magics.display
    IPython.core.magics.execution IPython.core.magics.extension IPython.core.magics.history
    IPython.core.magics.logging IPython.core.magics.namespace IPython.core.magics.osm
    IPython.core.magics.packaging IPython.core.magics.pylab IPython.core.magics.script book portrait
    random_rounds elasticpython.session_magics elasticpython.reports elasticpython.progress
    elasticpython.pickling elasticpython.unpickling_types elasticpython.comparing elasticpython.outlines
    elasticpython.shell_back elasticpython.environment_changes elasticpython.library_calls
    jupyter_core.paths pygments.formatters.terminal256
""".split()
HEAVY = """
    numpy scipy.stats scipy.optimize scipy.signal scipy.sparse.linalg scipy.interpolate scipy.integrate
    scipy.cluster.hierarchy scipy.ndimage pandas matplotlib.pyplot seaborn sklearn.ensemble sklearn.pipeline
    sklearn.compose sklearn.linear_model sklearn.model_selection sklearn.datasets sklearn.decomposition
    sklearn.cluster sklearn.feature_extraction.text sklearn.neighbors sklearn.svm sklearn.manifold
    statsmodels.api statsmodels.formula.api statsmodels.tsa.api lightgbm networkx sympy skimage.filters
    skimage.data skimage.measure skimage.morphology skimage.segmentation PIL.Image ipywidgets sqlite3 asyncio
    matplotlib.backends.backend_agg matplotlib_inline.backend_inline
""".split() + SESSION
# Each look at the heap takes the longer the more is imported, so what needs none of these is run without.
LIBRARIES = {name.partition(".")[0] for name in HEAVY} - {name.partition(".")[0] for name in SESSION}
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
INLINE = "module://matplotlib_inline.backend_inline"  # as a kernel has it
TIME_LIMIT = 200  # of a child, in seconds


class ForkServer:
    """One server process. `close` ends it."""

    def __init__(self, directory, imports=HEAVY):
        library = directory / "site-packages"
        library.symlink_to(Path(__file__).parent)
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(library)!r}); import fork_server; "
             "fork_server.serve(sys.argv[1:])", *imports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | ONE_THREAD | {"PYTHONHASHSEED": "random", "MPLBACKEND": INLINE},
            cwd=directory,
        )

    def run(self, module, **task):
        """The task's answer; an AssertionError with what the child printed when it has none."""
        answer = Path(task["directory"]) / "answer.json"
        log = Path(task["directory"]) / "log.txt"
        answer.unlink(missing_ok=True)
        task |= {"module": module, "answer": str(answer), "log": str(log)}
        print(json.dumps(task), file=self._process.stdin, flush=True)
        ended = self._process.stdout.readline()
        assert answer.exists(), f"the process ended with {ended.strip()}: {log.read_text()[-6000:]}"
        return json.loads(answer.read_text())

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def names_a_library(cells):
    """Whether any of the cells names one of LIBRARIES."""
    return bool(LIBRARIES.intersection(re.findall(r"[A-Za-z_]+", " ".join(cells))))


def serve(imports):
    """The server's loop: a line in, a child, a line out."""
    requests, replies = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    for name in imports:
        importlib.import_module(name)
    for line in requests:
        task = json.loads(line)
        child = os.fork()
        if child == 0:
            do(task)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=replies, flush=True)


def do(task):
    """A child's life."""
    status = 1
    try:
        log = os.open(task["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        faulthandler.dump_traceback_later(TIME_LIMIT, exit=True)
        answer = importlib.import_module(task["module"]).run_task(task)
        Path(task["answer"]).write_text(json.dumps(answer))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
