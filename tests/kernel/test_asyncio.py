"""The asyncio loop lives between cells, and output goes to the cell that started what prints."""

import datetime
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def test_top_level_await(kernel):
    cell = kernel.execute("import asyncio\nawait asyncio.sleep(0.01)\n'awaited'")
    assert cell.result == "'awaited'"
    assert kernel.execute("async def answer(): return 42\nawait answer()").result == "42"


def test_async_for_and_with_at_the_top_level(kernel):
    cell = kernel.execute(
        "async def numbers():\n    for i in range(3): yield i\n"
        "total = 0\nasync for n in numbers(): total += n\ntotal"
    )
    assert cell.result == "3"


def test_a_cell_is_a_task(kernel):
    cell = kernel.execute(
        "import asyncio\nasyncio.current_task() is not None",
        user_expressions={"loop": "asyncio.get_running_loop().is_running()"},
    )
    assert cell.result == "True"
    assert cell.content["user_expressions"]["loop"]["data"]["text/plain"] == "True"


def test_all_tasks_are_the_users(own_kernel):
    if not own_kernel.is_ours:
        pytest.skip("ipykernel's own are among them")
    assert own_kernel.execute("import asyncio\nlen(asyncio.all_tasks())").result == "0"


def test_a_widgets_callback_starts_a_task(own_kernel):
    own_kernel.execute(
        "import asyncio\nfrom comm import get_comm_manager\ndone = []\n"
        "async def work():\n    await asyncio.sleep(0.01); done.append(True)\n"
        "def opened(comm, message):\n    comm.on_msg(lambda message: asyncio.create_task(work()))\n"
        "get_comm_manager().register_target('works', opened)"
    )
    own_kernel.send("comm_open", {"comm_id": "c", "target_name": "works", "data": {}})
    own_kernel.send("comm_msg", {"comm_id": "c", "data": {}}).wait_for(lambda each: "idle" in each.states)
    assert own_kernel.execute("await asyncio.sleep(0.1)\ndone").result == "[True]"
    # While a cell awaits, too.
    cell = own_kernel.submit("await asyncio.sleep(0.5)\ndone")
    own_kernel.send("comm_msg", {"comm_id": "c", "data": {}})
    assert cell.wait().result == "[True, True]"


def test_autoawait_runs_a_cell_as_it_was_told(own_kernel):
    own_kernel.execute(
        "def drive(coroutine):\n    print('driven')\n    try:\n        while True: coroutine.send(None)\n"
        "    except StopIteration as end: return end.value\n"
        "%autoawait drive"
    )
    cell = own_kernel.execute("import asyncio\nawait asyncio.sleep(0)\n'slept'")
    assert (cell.stdout, cell.result) == ("driven\n", "'slept'")
    own_kernel.execute("%autoawait asyncio")
    cell = own_kernel.execute("await asyncio.sleep(0.01, 'slept')")
    assert (cell.stdout, cell.result) == ("", "'slept'")


def test_an_error_in_an_awaiting_cell(kernel):
    cell = kernel.execute("import asyncio\nawait asyncio.sleep(0.01)\n1 / 0")
    assert cell.content["ename"] == "ZeroDivisionError"


def test_a_task_goes_on_after_its_cell(kernel):
    kernel.execute(
        "import asyncio\nsteps = []\nasync def work():\n"
        "    for i in range(5):\n        await asyncio.sleep(0.05); steps.append(i)\n"
        "task = asyncio.create_task(work())"
    )
    kernel.drain(0.6)
    assert kernel.execute("steps, task.done()").result == "([0, 1, 2, 3, 4], True)"


def test_a_sync_cell_runs_inside_the_loop(kernel):
    cell = kernel.execute("import asyncio\nloop = asyncio.get_running_loop()\nloop.is_running()")
    assert cell.result == "True"
    assert kernel.execute("asyncio.get_running_loop() is loop, asyncio.get_event_loop() is loop").result == (
        "(True, True)"
    )


def test_a_sync_and_an_async_cell_see_the_same_loop(kernel):
    kernel.execute("import asyncio\nsync_loop = asyncio.get_running_loop()")
    assert kernel.execute("await asyncio.sleep(0)\nasyncio.get_running_loop() is sync_loop").result == "True"


def test_asyncio_run_in_a_cell_refuses_as_under_ipykernel(kernel):
    cell = kernel.execute("import asyncio\nasync def nothing(): pass\nasyncio.run(nothing())")
    assert cell.content["ename"] == "RuntimeError"
    assert "running event loop" in cell.content["evalue"]


def test_asyncio_run_in_a_thread_works(kernel):
    cell = kernel.execute(
        "import asyncio, threading\nasync def five(): await asyncio.sleep(0.01); return 5\nout = []\n"
        "t = threading.Thread(target=lambda: out.append(asyncio.run(five()))); t.start(); t.join(); out"
    )
    assert cell.result == "[5]"


def test_a_future_made_in_one_cell_is_awaited_in_another(kernel):
    kernel.execute("import asyncio\nlater = asyncio.ensure_future(asyncio.sleep(0.1, 'value'))")
    assert kernel.execute("await later").result == "'value'"


def test_call_later_and_call_soon_threadsafe_fire_while_idle(kernel):
    kernel.execute(
        "import asyncio, threading\nfired = []\nloop = asyncio.get_running_loop()\n"
        "loop.call_later(0.05, fired.append, 'later')\n"
        "threading.Timer(0.1, lambda: loop.call_soon_threadsafe(fired.append, 'threadsafe')).start()"
    )
    kernel.drain(0.5)
    assert kernel.execute("fired").result == "['later', 'threadsafe']"


def test_asyncio_subprocesses_work(kernel):
    cell = kernel.execute(
        "import asyncio\n"
        "process = await asyncio.create_subprocess_exec('echo', 'child', stdout=asyncio.subprocess.PIPE)\n"
        "(await process.communicate())[0]"
    )
    assert cell.result == r"b'child\n'"


def test_executors_and_to_thread_work(kernel):
    cell = kernel.execute("import asyncio, threading\nawait asyncio.to_thread(lambda: 'from a thread')")
    assert cell.result == "'from a thread'"


def test_an_exception_in_a_task_does_not_harm_the_kernel(kernel):
    kernel.execute(
        "import asyncio\nasync def fail(): raise ValueError('in the task')\nt = asyncio.create_task(fail())"
    )
    kernel.drain(0.2)
    assert kernel.execute("type(t.exception()).__name__").result == "'ValueError'"


def test_tasks_print_into_the_cell_that_started_them(kernel):
    first = kernel.execute(
        "import asyncio\nasync def speak():\n    await asyncio.sleep(0.3); print('from the task', "
        "flush=True)\n"
        "task = asyncio.create_task(speak())"
    )
    second = kernel.execute("import time; time.sleep(0.05); print('from the second cell')")
    first.wait_for(lambda c: "from the task" in c.stdout, timeout=3)
    assert "from the task" not in second.stdout


def test_tasks_display_into_the_cell_that_started_them(kernel):
    first = kernel.execute(
        "import asyncio\nfrom IPython.display import display\n"
        "async def show():\n    await asyncio.sleep(0.3); display('shown by the task')\n"
        "task = asyncio.create_task(show())"
    )
    kernel.execute("pass")
    first.wait_for(lambda c: c.of_type("display_data"), timeout=3)


@pytest.mark.differs("output-of-threads")
def test_threads_print_into_the_cell_that_started_them(kernel):
    first = kernel.execute(
        "import threading, time\n"
        "def speak():\n    time.sleep(0.3); print('from the thread', flush=True)\n"
        "threading.Thread(target=speak).start()"
    )
    second = kernel.execute("import time; time.sleep(0.6); print('from the second cell')")
    first.wait_for(lambda c: "from the thread" in c.stdout, timeout=3)
    assert "from the thread" not in second.stdout
    assert second.stdout == "from the second cell\n"


@pytest.mark.differs("output-of-threads")
def test_threads_of_threads_print_into_the_cell_that_started_the_first(kernel):
    first = kernel.execute(
        "import threading, time\n"
        "def inner():\n    time.sleep(0.2); print('from the inner thread', flush=True)\n"
        "def outer():\n    time.sleep(0.1); threading.Thread(target=inner).start()\n"
        "threading.Thread(target=outer).start()"
    )
    second = kernel.execute("import time; time.sleep(0.5)")
    first.wait_for(lambda c: "from the inner thread" in c.stdout, timeout=3)
    assert second.stdout == ""


@pytest.mark.differs("output-of-threads")
def test_threads_display_into_the_cell_that_started_them(kernel):
    first = kernel.execute(
        "import threading, time\nfrom IPython.display import display\n"
        "def show():\n    time.sleep(0.2); display('shown by the thread')\n"
        "threading.Thread(target=show).start()"
    )
    kernel.execute("import time; time.sleep(0.4)")
    first.wait_for(lambda c: c.of_type("display_data"), timeout=1)


def test_a_pool_of_threads_prints_whole_lines(kernel):
    cell = kernel.execute(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool: list(pool.map(lambda i: print(f'line {i}\\n', end=''), "
        "range(2000)))"
    )
    assert sorted(cell.stdout.splitlines()) == sorted(f"line {i}" for i in range(2000))


@pytest.mark.differs("output-of-threads")
def test_two_cells_whose_threads_print_at_once_do_not_mix(kernel):
    code = (
        "import threading, time\n"
        "def speak():\n    for i in range(100): print('{0}', i, flush=True); time.sleep(0.002)\n"
        "threading.Thread(target=speak).start()"
    )
    cells = {name: kernel.execute(code.format(name)) for name in ("first", "second")}
    for name, cell in cells.items():
        expected = "".join(f"{name} {i}\n" for i in range(100))
        cell.wait_for(lambda c, expected=expected: len(c.stdout) >= len(expected), timeout=5)
        assert cell.stdout == expected


def test_comm_messages_are_served_while_a_cell_awaits(kernel):
    kernel.execute(
        "import asyncio\nheard = asyncio.Event()\n"
        "def target(comm, message):\n    comm.on_msg(lambda m: heard.set())\n"
        "get_ipython().kernel.comm_manager.register_target('await_target', target)"
    )
    kernel.send("comm_open", {"comm_id": "awaiting", "target_name": "await_target", "data": {}})
    cell = kernel.submit("await asyncio.wait_for(heard.wait(), 5)\n'heard it'")
    cell.wait_for(lambda c: c.of_type("execute_input"))
    time.sleep(0.1)
    queued = kernel.submit("'ran after'")
    kernel.send("comm_msg", {"comm_id": "awaiting", "data": {}})
    assert cell.wait(4).result == "'heard it'"
    assert queued.wait().result == "'ran after'"


def test_cells_do_not_overlap_even_when_they_await(kernel):
    first = kernel.submit("import asyncio\nlog = ['start 1']\nawait asyncio.sleep(0.2)\nlog.append('end 1')")
    second = kernel.submit("log.append('start 2')\nawait asyncio.sleep(0.05)\nlog.append('end 2')")
    first.wait(), second.wait()
    assert kernel.execute("log").result == "['start 1', 'end 1', 'start 2', 'end 2']"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with the key and the certificate of a machine called localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(encoding, form, serialization.NoEncryption()) + signed.public_bytes(encoding)
    )
    return str(path)


TLS = """
import asyncio, ssl
serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); serving.load_cert_chain({path!r})
trusting = ssl.create_default_context(cafile={path!r})
async def echo(reader, writer):
    writer.write(await reader.readline()); await writer.drain(); writer.close()
server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=serving)
reader, writer = await asyncio.open_connection(
    *server.sockets[0].getsockname(), ssl=trusting, server_hostname="localhost")
writer.write(b"in secret\\n")
line, name = await reader.readline(), writer.get_extra_info("ssl_object").server_hostname
writer.close(); server.close()
line, name
"""


def test_a_secure_connection(own_kernel, certificate):
    cell = own_kernel.execute(TLS.format(path=certificate))
    assert cell.content["status"] == "ok", cell.content
    assert cell.result == "(b'in secret\\n', 'localhost')"


def test_asyncio_and_ssl_are_one_with_the_users_own_imports(own_kernel):
    own_kernel.execute("import asyncio, asyncio.base_events, sys")
    assert own_kernel.execute("asyncio.sslproto.SSLProtocol.__name__").result == "'SSLProtocol'"
    cell = own_kernel.execute(
        "import asyncio.sslproto, ssl\n"
        "(asyncio.sslproto is sys.modules['asyncio.sslproto'],\n"
        " asyncio.base_events.ssl.SSLContext is ssl.SSLContext, 'SSLContext' in dir(asyncio.base_events.ssl))"
    )
    assert cell.result == "(True, True, True)"
    own_kernel.execute("asyncio.base_events.ssl.spoken = 1")
    assert own_kernel.execute("ssl.spoken").result == "1"
    own_kernel.execute("del asyncio.base_events.ssl.spoken")
    assert own_kernel.execute("hasattr(ssl, 'spoken')").result == "False"


def test_without_a_need_for_it_there_is_no_ssl(own_kernel):
    if not own_kernel.is_ours:
        pytest.skip("ipykernel imports it")
    cell = own_kernel.execute("import sys\nawait __import__('asyncio').sleep(0)\n'ssl' in sys.modules")
    assert cell.result == "False"


def test_what_is_asked_by_way_of_control_does_not_stop_a_cell_that_awaits(kernel):
    cell = kernel.submit("import asyncio\nfor _ in range(500): await asyncio.sleep(0.001)")
    asked = []
    while not cell.replies and len(asked) < 500:
        asked.append(kernel.send("usage_request", channel="control"))
        asked[-1].wait(20)
    assert cell.wait(20).content["status"] == "ok" and len(asked) > 1
