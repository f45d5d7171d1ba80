"""Settings that are made again by the calls that made them (elasticpython.library_calls)."""

import pytest

MADE = {
    "sympy": ("import sympy\nsympy.init_printing(order='grlex')",
              "[len(get_ipython().display_formatter.formatters['text/latex'].type_printers) > 3,"
              " sympy.printing.str.StrPrinter._global_settings['order']]"),
    "process": ("import gc, os, resource\nold = os.umask(0o077); gc.disable()\n"
                "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
                "[gc.isenabled(), os.umask(0o077), *resource.getrlimit(resource.RLIMIT_CORE)]"),
    "tables": ("import mimetypes, calendar\nfrom mimetypes import add_type\nadd_type('x/mine', '.mine')\n"
               "calendar.setfirstweekday(6)",
               "[mimetypes.guess_type('a.mine')[0], calendar.firstweekday()]"),
    "workers": ("import joblib\njoblib.parallel_config(backend='threading', n_jobs=2)",
                "joblib.parallel.get_active_backend()[1]"),
    "tracing": ("import tracemalloc, faulthandler, sys\ntracemalloc.start(7)\n"
                "faulthandler.enable(sys.__stderr__)",
                "[tracemalloc.get_traceback_limit(), tracemalloc.is_tracing(), faulthandler.is_enabled()]"),
}


@pytest.mark.parametrize("plan", ["store-all", "recompute-all"])
@pytest.mark.parametrize("kind", MADE)
def test_what_a_call_set_is_set_again(comes_back, kind, plan):
    def look(process):
        assert process.value("__import__('gc').isenabled()")

    cell, expression = MADE[kind]
    second, report = comes_back(expression, cell, "x = [1]", plan=plan, look=look)
    assert not report["shell_problems"], report
    second.run("import gc, tracemalloc; gc.enable(); tracemalloc.stop()")


def test_a_call_with_what_may_have_changed_since_is_not_made(round_trip):
    second, _, report = round_trip("import calendar\nday = 6\ncalendar.setfirstweekday(day)", "day = 3",
                                   plan="store-all")
    assert second.value("calendar.firstweekday()") == 0
    [problem] = report["shell_problems"]
    assert "calendar.setfirstweekday(day)" in problem


def test_a_call_that_a_cell_may_not_have_come_to_is_named_and_not_made(start):
    first = start()
    first.run("import calendar, gc\ntry_this = 1\ncalendar.setfirstweekday(5)")
    first.run("1 / 0\ngc.disable()\ncalendar.setfirstweekday(5)", fails=True)
    first.checkpoint(plan="store-all")
    second = start()
    report = second.restore()
    assert second.value("[calendar.firstweekday(), gc.isenabled()]") == [5, True]
    [problem] = report["shell_problems"]
    assert "gc.disable()" in problem and "stopped on the way" in problem


def test_a_call_with_what_a_library_makes_the_same_again_is_made(round_trip):
    second, _, report = round_trip(
        "import functools, types\nkept = []\ndef set_enabled_equivalencies(pairs): kept.append(pairs)\n"
        "@functools.cache\ndef spectral(): return ['pairs']\n"
        "set_enabled_equivalencies.__module__ = 'astropy.units.core'\n"
        "spectral.__module__ = 'astropy.units.equivalencies'",
        "u = types.ModuleType('u')\nu.spectral = spectral\n"
        "u.set_enabled_equivalencies = set_enabled_equivalencies",
        "u.set_enabled_equivalencies(u.spectral())", plan="store-all")
    assert second.value("kept") == [["pairs"], ["pairs"]]  # as its cell did, and once more
    assert not report["shell_problems"]
