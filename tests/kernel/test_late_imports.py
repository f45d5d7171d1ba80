"""What a kernel starts without is there for whoever asks for it, and it is the one everybody has."""

import pytest

LATE = ["ssl", "asyncio.sslproto", "tempfile", "ipaddress", "logging.config", "socketserver"]
# Of this package: for a checkpoint or a restore.
OURS = ["elasticpython.shell_state", "elasticpython.library_places"]


@pytest.fixture
def fresh(own_kernel):
    if not own_kernel.is_ours:
        pytest.skip("ipykernel imports all of it")
    return own_kernel


def test_a_kernel_starts_without_them(fresh):
    cell = fresh.execute(f"import sys\n[name for name in {LATE + OURS} if name in sys.modules]")
    assert cell.result == "[]"


def test_an_import_gets_the_real_module(fresh):
    cell = fresh.execute(
        f"import importlib, sys\n[type(importlib.import_module(name)).__name__ for name in {LATE}]"
    )
    assert cell.result == str(["module"] * len(LATE))


def test_who_uses_a_stand_in_uses_the_real_module(fresh):
    cell = fresh.execute("import urllib.parse\nurllib.parse.urlsplit('http://[::1]:80/').port")
    assert cell.result == "80"
    cell = fresh.execute("import ipaddress\nurllib.parse.ipaddress.IPv6Address is ipaddress.IPv6Address")
    assert cell.result == "True"


def test_the_shells_log_shows_what_it_is_told(fresh):
    fresh.execute("log = get_ipython().parent.log\nlog.info('not shown'); log.warning('shown, %s', 1)")
    assert "shown, 1" in fresh.process.log and "not shown" not in fresh.process.log
    fresh.execute("log.warning('once more')")
    assert fresh.process.log.count("once more") == 1
    fresh.execute("get_ipython().parent.log_level = 'DEBUG'\nlog.debug('all of it')")
    assert "all of it" in fresh.process.log


def test_the_level_of_the_log_is_set_before_anything_is_said(fresh):
    fresh.execute("get_ipython().parent.log_level = 'INFO'\nget_ipython().parent.log.info('as well')")
    assert "as well" in fresh.process.log
