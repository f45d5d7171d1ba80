"""What a kernel starts without is there for whoever asks for it, and it is the one everybody has."""

import subprocess
import sys

import pytest

LATE = ["ssl", "asyncio.sslproto", "tempfile", "logging.config", "socketserver"]
LATE += ["urllib.parse", "ipaddress", "gettext", "locale", "pprint", "pickle", "base64"]
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
        f"import importlib\n{{type(importlib.import_module(name)).__name__ for name in {LATE}}}"
    )
    assert cell.result == "{'module'}"


def test_who_uses_a_stand_in_uses_the_real_module(fresh):
    cell = fresh.execute("from pathlib import Path\nPath('/a b').as_uri()")
    assert cell.result == "'file:///a%20b'"
    cell = fresh.execute("import subprocess\n"
                         "subprocess.run(['printf', 'é'], capture_output=True, text=True).stdout")
    assert cell.result == "'é'"
    cell = fresh.execute("import locale\nsubprocess.locale.getencoding is locale.getencoding")
    assert cell.result == "True"
    cell = fresh.execute("import argparse\nargparse.ArgumentParser('p').format_usage()")
    assert cell.result == repr("usage: p [-h]\n")


def test_a_function_can_be_called_before_the_import_it_came_by_is_over(fresh):
    """As Debian's IPython calls `gettext` for its parsers."""
    cell = fresh.execute(
        "import sys\nfrom elasticpython.late_imports import stand_ins\nsys.modules.pop('colorsys', None)\n"
        "with stand_ins(rgb_to_hsv='colorsys'):\n    from colorsys import rgb_to_hsv\n"
        "    hsv = rgb_to_hsv(1, 1, 1)\n"
        "hsv, type(sys.modules['colorsys']).__name__"
    )
    assert cell.result == "((0.0, 0.0, 1), 'module')"


def test_a_new_history_waits_for_the_disk_from_its_first_cell_on(fresh):
    cell = fresh.execute("get_ipython().history_manager.db.execute('PRAGMA synchronous').fetchone()")
    assert cell.result == "(2,)"


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


def test_the_shell_starts_where_ipython_is_as_old_as_debians():
    """The suite "debian" has it whole, and is not run every time."""
    code = "from IPython.core import history; del history.HistoryOutput; import elasticpython.kernel"
    subprocess.run([sys.executable, "-c", code], check=True)
