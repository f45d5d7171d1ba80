"""Fixtures of the black-box kernel suite: every test runs against every door chosen by `--kernels`."""

import time

import pytest
from client import Client
from differences import DIFFERENCES, IPYKERNEL
from launching import DOORS, DoorMissing, KernelProcess, door_argv

START_TIMEOUT_S = 40.0


def pytest_addoption(parser):
    parser.addoption(
        "--kernels",
        default=",".join(DOORS),
        help=f"comma-separated doors to test, of {', '.join(DOORS)} (default: all; a missing one fails)",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than two seconds on two cores")
    config.addinivalue_line(
        "markers", "differs(key): ElasticPython differs here on purpose; see differences.py"
    )


def chosen_doors(config):
    """The doors chosen on the command line."""
    return [door for door in config.getoption("--kernels").split(",") if door]


def pytest_generate_tests(metafunc):
    doors = chosen_doors(metafunc.config)
    if "door" in metafunc.fixturenames:
        metafunc.parametrize("door", doors, scope="session")
    if "own_door" in metafunc.fixturenames:
        metafunc.parametrize("own_door", [door for door in doors if door != "ipykernel"], scope="session")


def pytest_collection_modifyitems(config, items):
    """Turn `differs(key)` into an expected failure on the side that the table of differences names.

    Classes of jupyter_kernel_test, which name their kernel themselves, are left out where it was not chosen.
    """
    for item in items:
        named = getattr(getattr(item, "cls", None), "kernel_name", "").removesuffix("-under-test")
        if named and named not in chosen_doors(config):
            item.add_marker(pytest.mark.skip(reason=f"{named} is not among --kernels"))
        for mark in item.iter_markers("differs"):
            difference = DIFFERENCES[mark.args[0]]
            callspec = getattr(item, "callspec", None)
            door = callspec.params.get("door") if callspec else None
            if door and (door == IPYKERNEL) == (difference.side == IPYKERNEL):
                item.add_marker(pytest.mark.xfail(reason=difference.reason, strict=door != IPYKERNEL))


class KernelUnderTest(Client):
    """A client together with the kernel process it talks to."""

    def __init__(self, kernel_process):
        super().__init__(kernel_process.connection)
        self.process = kernel_process
        self.door = kernel_process.door

    @property
    def is_ours(self):
        """Whether this is ElasticPython rather than the reference."""
        return self.door != "ipykernel"

    def interrupt(self, how="message"):
        """Interrupt as clients do: by a control message, or by SIGINT to the process group."""
        if how == "message":
            return self.send("interrupt_request", channel="control")
        import signal

        self.process.signal_group(signal.SIGINT)
        return None

    def responsive(self, timeout=10.0):
        """Whether the kernel still answers."""
        if not self.process.alive:
            return False
        try:
            self.request("kernel_info_request", timeout=timeout)
        except TimeoutError:
            return False
        return True

    def stop(self):
        """Close the sockets and end the process."""
        self.close()
        self.process.kill()


@pytest.fixture(scope="session")
def launch(tmp_path_factory):
    """A function that starts a kernel and waits until it answers; all are ended with the test session."""
    running = []
    unable = {}

    def start(door, *, connect=True, **options):
        if door in unable:
            pytest.fail(unable[door], pytrace=False)
        try:
            door_argv(door)
        except DoorMissing as missing:
            pytest.fail(str(missing), pytrace=False)
        process = KernelProcess.start(door, tmp_path_factory.mktemp(door) / "home", **options)
        kernel = KernelUnderTest(process)
        running.append(kernel)
        if connect:
            try:
                kernel.connect(START_TIMEOUT_S)
            except TimeoutError as error:
                kernel.stop()
                if not options:
                    unable[door] = f"{door} did not answer before; see the first failure"
                pytest.fail(f"{door} does not answer: {error}\n{process.log}", pytrace=False)
        return kernel

    yield start
    for kernel in running:
        kernel.stop()


@pytest.fixture(scope="session")
def shared_kernels(launch):
    """The kernel of each door that tests share, replaced when a test left it dead or stuck."""
    return {}


@pytest.fixture
def kernel(door, shared_kernels, launch):
    """A kernel shared by the tests of a door. A test may define names but must not disturb the others."""
    current = shared_kernels.get(door)
    if current is None:
        current = shared_kernels[door] = launch(door)
    current.drain(0.005)
    current.violations.clear()
    yield current
    if not current.responsive():
        current.stop()
        del shared_kernels[door]
        pytest.fail(f"the test left {door} dead or stuck\n{current.process.log[-3000:]}", pytrace=False)
    violations = list(current.violations)
    for messages in current.received.values():
        messages.clear()
    current.by_parent.clear()
    assert not violations, violations[:5]


@pytest.fixture
def own_kernel(door, launch):
    """A kernel for one test alone."""
    fresh = launch(door)
    yield fresh
    violations = list(fresh.violations)
    fresh.stop()
    assert not violations, violations[:5]


@pytest.fixture
def stopwatch():
    """A function that returns the seconds since the fixture was made or last read."""
    started = time.monotonic()

    def read():
        nonlocal started
        now = time.monotonic()
        elapsed, started = now - started, now
        return elapsed

    return read
