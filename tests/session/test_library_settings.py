"""Settings of libraries that cells make by calling a function (elasticpython.library_settings)."""

import pytest

# A cell that sets something, and an expression of what it set.
SET = {
    "socket": ("import socket, sys, gc\nsocket.setdefaulttimeout(7); sys.setswitchinterval(0.25)\n"
               "gc.set_threshold(777, 11, 12)",
               "[socket.getdefaulttimeout(), sys.getswitchinterval(), *gc.get_threshold()]"),
    "multiprocessing": ("import multiprocessing as mp\nmp.set_start_method('spawn')",
                        "mp.get_start_method()"),
    "zone": ("import os, time\nos.environ['TZ'] = 'Asia/Tokyo'; time.tzset()",
             "[time.timezone, *time.tzname]"),
    "csv": ("import csv\ncsv.register_dialect('bars', delimiter='|'); csv.field_size_limit(777)",
            "[csv.get_dialect('bars').delimiter, csv.field_size_limit()]"),
    "logging": ("import logging, sys\n"
                "logging.basicConfig(level=10, format='%(message)s!', stream=sys.__stderr__)\n"
                "logging.getLogger('matplotlib').setLevel(50); logging.getLogger('mine').propagate = False\n"
                "logging.addLevelName(25, 'NOTE'); logging.disable(10)",
                "[logging.root.level, [each.formatter._fmt for each in logging.root.handlers],"
                " logging.getLogger('matplotlib').level, logging.getLogger('mine').propagate,"
                " logging.getLevelName(25), logging.root.manager.disable]"),
    "matplotlib": ("import matplotlib as mpl\nfrom matplotlib.colors import ListedColormap\n"
                   "mpl.colormaps.register(ListedColormap(['r', 'b'], name='mine'))\n"
                   "mpl.color_sequences.register('pair', ['r', 'b'])\nimport matplotlib.style\n"
                   "mpl.style.library['thick'] = mpl.RcParams({'lines.linewidth': 7})",
                   "[list(mpl.colormaps['mine'](1)), mpl.color_sequences['pair'],"
                   " mpl.style.library['thick']['lines.linewidth']]"),
    "polars": ("import polars as pl\npl.Config.set_fmt_float('full').set_tbl_rows(3)",
               "pl.Config.save(if_set=True)"),
}


@pytest.mark.parametrize("library", SET)
@pytest.mark.parametrize("apart", [False, True])
def test_a_setting_comes_back(comes_back, library, apart):
    cell, expression = SET[library]
    imports = "\n".join(line for line in cell.splitlines() if line.startswith(("import", "from")))
    comes_back(expression, *([imports] if apart else []), cell, plan="store-all")


def test_handlers_of_a_logger_are_not_doubled_by_cells_that_run_again(round_trip):
    second, _, _ = round_trip(
        "import logging, sys, math",
        "log = logging.getLogger('mine'); handler = logging.StreamHandler(sys.__stderr__)\n"
        "log.addHandler(handler); log.setLevel(10)", plan="recompute-all")
    assert second.value("[log.level, len(log.handlers), log.handlers[0] is handler]") == [10, 1, True]


def test_a_cell_that_runs_again_has_the_setting_of_its_time(round_trip):
    second, _, report = round_trip(
        "import csv", "csv.field_size_limit(1000)", "x = [csv.field_size_limit()]",
        "csv.field_size_limit(2000)", "y = [csv.field_size_limit()]", plan="recompute-all")
    assert report["cells_rerun"], report
    assert second.value("[x, y, csv.field_size_limit()]") == [[1000], [2000], 2000]
