"""Child processes: multiprocessing by every start method, signals to children, fork and its traps."""

import pytest

METHODS = pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])


@pytest.fixture
def worker_module(kernel, tmp_path):
    """A module with functions that spawned processes can import."""
    (tmp_path / "worker_functions.py").write_text(
        "import os, sys, time\n\n\ndef square(x):\n    return x * x\n\n\n"
        "def shout(text):\n    print(text, flush=True)\n\n\ndef doze(seconds):\n    time.sleep(seconds)\n"
    )
    kernel.execute(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import worker_functions")
    yield "worker_functions"
    kernel.execute("sys.path.pop(0); sys.modules.pop('worker_functions', None)")


@METHODS
def test_a_pool_maps(kernel, worker_module, method):
    cell = kernel.execute(
        f"import multiprocessing as mp\nctx = mp.get_context('{method}')\n"
        "with ctx.Pool(2) as pool: squares = pool.map(worker_functions.square, range(5))\nsquares",
        timeout=30,
    )
    assert cell.result == "[0, 1, 4, 9, 16]"
    assert cell.stderr == ""


@METHODS
def test_an_executor_maps(kernel, worker_module, method):
    cell = kernel.execute(
        "import multiprocessing as mp\nfrom concurrent.futures import ProcessPoolExecutor\n"
        f"with ProcessPoolExecutor(2, mp_context=mp.get_context('{method}')) as pool:\n"
        "    squares = list(pool.map(worker_functions.square, range(5)))\nsquares",
        timeout=30,
    )
    assert cell.result == "[0, 1, 4, 9, 16]"


@METHODS
def test_the_output_of_a_process_reaches_its_cell(kernel, worker_module, method):
    cell = kernel.execute(
        f"import multiprocessing as mp\nctx = mp.get_context('{method}')\n"
        f"p = ctx.Process(target=worker_functions.shout, args=('from a {method} child',)); p.start(); "
        f"p.join()\n"
        "p.exitcode",
        timeout=30,
    )
    assert cell.result == "0"
    cell.wait_for(lambda c: f"from a {method} child" in c.stdout, timeout=5)


def test_functions_of_the_session_work_with_fork(kernel):
    cell = kernel.execute(
        "import multiprocessing as mp\ndef session_function(x): return x + 100\n"
        "with mp.get_context('fork').Pool(2) as pool: r = pool.map(session_function, [1, 2])\nr",
        timeout=30,
    )
    assert cell.result == "[101, 102]"


@METHODS
def test_terminating_a_pool_leaves_the_kernel_alive(kernel, worker_module, method):
    cell = kernel.execute(
        f"import multiprocessing as mp\npool = mp.get_context('{method}').Pool(2)\n"
        "pool.map(worker_functions.square, range(3))\n"
        "pending = pool.map_async(worker_functions.doze, [30, 30])\npool.terminate(); pool.join()\n"
        "[p.exitcode for p in pool._pool or []]",
        timeout=30,
    )
    assert cell.content["status"] == "ok"
    assert kernel.execute("'alive'").result == "'alive'"


def test_sigterm_to_a_forked_child_ends_the_child_only(kernel):
    cell = kernel.execute(
        "import os, signal, time\npid = os.fork()\n"
        "if pid == 0:\n    time.sleep(30); os._exit(0)\n"
        "time.sleep(0.1); os.kill(pid, signal.SIGTERM)\nos.WTERMSIG(os.waitpid(pid, 0)[1])"
    )
    assert cell.result == "15"
    kernel.drain(0.2)
    assert kernel.execute("'alive'").result == "'alive'"


def test_a_forked_child_that_exits_by_itself_leaves_the_kernel_alive(kernel):
    cell = kernel.execute(
        "import os\npid = os.fork()\nif pid == 0: os._exit(7)\n"
        "os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"
    )
    assert cell.result == "7"
    assert kernel.execute("'alive'").result == "'alive'"


def test_a_forked_child_that_prints_and_leaves_by_sys_exit(kernel):
    cell = kernel.execute(
        "import multiprocessing as mp, sys\n"
        "def leave(): print('leaving', flush=True); sys.exit(4)\n"
        "p = mp.get_context('fork').Process(target=leave); p.start(); p.join(10); p.exitcode",
        timeout=30,
    )
    assert cell.result == "4"
    cell.wait_for(lambda c: "leaving" in c.stdout, timeout=5)


def test_a_forked_child_that_raises_reports_on_stderr(kernel):
    cell = kernel.execute(
        "import multiprocessing as mp\ndef fail(): raise ValueError('in the child')\n"
        "p = mp.get_context('fork').Process(target=fail); p.start(); p.join(10); p.exitcode",
        timeout=30,
    )
    assert cell.result == "1"
    cell.wait_for(lambda c: "ValueError: in the child" in c.stderr, timeout=5)


def test_queues_and_managers_work(kernel):
    cell = kernel.execute(
        "import multiprocessing as mp\nctx = mp.get_context('fork')\nq = ctx.Queue()\n"
        "p = ctx.Process(target=lambda: q.put({'from': 'child'})); p.start(); "
        "got = q.get(timeout=10); p.join()\n"
        "with ctx.Manager() as m: d = m.dict(); d['k'] = 1; got['managed'] = dict(d)\ngot",
        timeout=30,
    )
    assert cell.result == "{'from': 'child', 'managed': {'k': 1}}"


def test_shared_memory_leaves_no_warning(kernel):
    cell = kernel.execute(
        "from multiprocessing import shared_memory\ns = shared_memory.SharedMemory(create=True, size=64)\n"
        "s.buf[0] = 5; v = s.buf[0]; s.close(); s.unlink(); v",
        timeout=30,
    )
    assert (cell.result, cell.stderr) == ("5", "")


def test_joblib_and_its_loky_workers_run_session_functions(kernel):
    cell = kernel.execute(
        "from joblib import Parallel, delayed\ndef in_session(x): return x * 10\n"
        "Parallel(n_jobs=2)(delayed(in_session)(i) for i in range(3))",
        timeout=60,
    )
    assert cell.result == "[0, 10, 20]"


def test_many_quick_children_leave_no_zombies_and_no_descriptors(kernel):
    kernel.execute("import subprocess, os\nfor _ in range(3): subprocess.run(['true'])")
    cell = kernel.execute(
        "before = len(os.listdir('/proc/self/fd'))\nfor _ in range(50): subprocess.run(['true'])\n"
        "len(os.listdir('/proc/self/fd')) - before"
    )
    assert int(cell.result) <= 0


def test_children_do_not_inherit_the_sockets_of_the_kernel(kernel):
    cell = kernel.execute(
        "import subprocess; print(subprocess.check_output(['ls', '-l', '/proc/self/fd'], text=True))"
    )
    assert "socket:" not in cell.stdout


def test_a_background_child_keeps_its_output_in_the_cell_that_started_it(kernel):
    first = kernel.execute(
        "import subprocess; p = subprocess.Popen('sleep 0.3; echo much later', shell=True)"
    )
    kernel.drain(0.6)
    kernel.execute("p.wait();")
    first.wait_for(lambda c: "much later" in c.stdout, timeout=3)


def test_faulthandler_writes_where_it_can_be_seen(kernel):
    cell = kernel.execute("import faulthandler\nfaulthandler.dump_traceback()")
    assert cell.content["status"] == "ok"
    cell.wait_for(
        lambda c: "most recent call first" in c.stderr or "most recent call first" in kernel.process.log
    )
    assert kernel.execute("faulthandler.is_enabled()").result in ("True", "False")


def test_faulthandler_can_be_enabled_by_the_user(kernel):
    cell = kernel.execute("import faulthandler; faulthandler.enable(); faulthandler.is_enabled()")
    assert cell.result == "True"


@pytest.mark.differs("traceback-of-a-crash")
def test_a_crash_with_faulthandler_leaves_a_traceback_in_the_log(own_kernel):
    own_kernel.execute("import faulthandler; faulthandler.enable()")
    own_kernel.submit("import ctypes; ctypes.string_at(0)")
    status = own_kernel.process.wait(10)
    assert status is not None and status < 0
    assert "Segmentation fault" in own_kernel.process.log
    assert "string_at" in own_kernel.process.log


def test_shell_commands_return_and_interpolate(kernel):
    assert (
        kernel.execute("word = 'interpolated'\n!echo {word} $word").stdout.strip()
        == "interpolated interpolated"
    )
    assert kernel.execute("lines = !printf 'a\\nb\\n'\nlist(lines)").result == "['a', 'b']"
    kernel.execute("!exit 3")
    assert kernel.execute("_exit_code").result == "3"


def test_a_cell_after_a_shell_command_is_not_said_to_write_the_history(launch, door, tmp_path):
    if door == "ipykernel":
        pytest.skip("does not watch cells")
    kernel = launch(door, environment={"IPYTHONDIR": str(tmp_path)})
    for source in ("!true", "x = 1", "y = 2", "from elasticpython import history"):
        kernel.execute(source)
    effects = kernel.execute("[cell['effects'] for cell in history()[1:]]")
    assert effects.result == "[[], [], []]"


def test_pip_installs_into_the_environment_of_the_kernel(kernel):
    cell = kernel.execute("%pip --version", timeout=60)
    import sys

    assert sys.prefix in cell.stdout


def test_pip_reports_that_a_restart_may_be_needed(kernel):
    cell = kernel.execute("%pip list", timeout=60)
    assert "ipykernel" in cell.stdout.lower()
    assert "restart the kernel" in cell.stdout
