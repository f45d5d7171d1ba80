"""What cells put into libraries (elasticpython.library_places)."""

import pytest

# A cell, and an expression of what it put there.
PUT = {
    "constants": ("import PIL.Image, ssl, tqdm, decimal, math\nfrom PIL import Image\n"
                  "Image.MAX_IMAGE_PIXELS = None; math.twice = 6.28; tqdm.tqdm.monitor_interval = 0\n"
                  "decimal.DefaultContext.prec = 7\n"
                  "ssl._create_default_https_context = ssl._create_unverified_context",
                  "[Image.MAX_IMAGE_PIXELS, math.twice, tqdm.tqdm.monitor_interval,"
                  " decimal.DefaultContext.prec,"
                  " ssl._create_default_https_context.__name__]"),
    "objects": ("import mpmath, reprlib, networkx as nx\nfrom reprlib import aRepr\nmpmath.mp.dps = 77\n"
                "aRepr.maxstring = 7; setattr(nx.config, 'warnings_to_ignore', {'cache'})",
                "[mpmath.mp.dps, reprlib.aRepr.maxstring, sorted(nx.config.warnings_to_ignore)]"),
    "arguments": ("import sys\nsys.argv = ['prog', '-n', '3']", "sys.argv"),
    "item": ("import fsspec.config\nfsspec.config.conf['file'] = {'auto_mkdir': True}",
             "fsspec.config.conf['file']"),
    "list changed": ("import mimetypes, email.policy, unittest.util as u\nmimetypes.knownfiles.append('/x')\n"
                     "u.mine = {'a': 1}\nu.mine.update(b=2)\nkept = mimetypes.knownfiles",
                     "[mimetypes.knownfiles[-1], u.mine, mimetypes.knownfiles is kept]"),
    "shared": ("import unittest.util as u\nlimits = [1]\nu.LIMITS = limits", "u.LIMITS is limits"),
    "function": ("import textwrap, json\ndef quiet(s): return 'q' + s\ntextwrap.dedent = quiet\n"
                 "json.twice = lambda s: s * 2",
                 "[textwrap.dedent('x'), textwrap.dedent is quiet, json.twice('a')]"),
    "option": ("import pandas as pd\npd.set_option('display.float_format', lambda x: '%.3f!' % x)\n"
               "pd.options.display.max_rows = 7",
               "[repr(pd.Series([1.0])), pd.options.display.max_rows]"),
    "printing": ("import numpy as np\nnp.set_printoptions(formatter={'float': lambda x: '%.1f!' % x},"
                 " linewidth=77)\n"
                 "calls = []\nnp.seterrcall(lambda *error: calls.append(1)); np.seterr(all='call');",
                 "[repr(np.array([1.0])), np.get_printoptions()['linewidth'], np.geterrcall() is None]"),
    "method": ("import pandas as pd\npd.DataFrame.size_twice = lambda self: self.size * 2",
               "int(pd.DataFrame({'a': [1]}).size_twice())"),
    "property": ("import pathlib\ndef first(self): return self.name[0]\n"
                 "setattr(pathlib.PurePath, 'first', property(first))",
                 "pathlib.PurePath('abc').first"),
    "accessor": ("import pandas as pd\n@pd.api.extensions.register_dataframe_accessor('rows')\nclass Rows:\n"
                 "    def __init__(self, frame): self.frame = frame\n"
                 "    def count(self): return len(self.frame)",
                 "pd.DataFrame({'a': [1, 2]}).rows.count()"),
    "table": ("import copyreg, sqlite3\nclass P:\n    def text(self): return 'p'\n"
              "sqlite3.register_adapter(P, lambda p: p.text())\ncopyreg.pickle(P, lambda p: (P, ()))",
              "[sqlite3.connect(':memory:').execute('select ?', (P(),)).fetchone()[0],"
              " P in copyreg.dispatch_table]"),
    "module by hand": ("import sys, types\nsettings = types.ModuleType('settings'); settings.rate = 2\n"
                       "sys.modules['settings'] = settings; sys.modules['x.y'] = types.ModuleType('x.y')\n"
                       "sys.modules['x.y'].n = 3; exec('def f(): return rate', vars(settings))",
                       "[__import__('settings') is settings, settings.f(), sys.modules['x.y'].n]"),
    "registered": ("import collections.abc as c, numbers\nclass Row:\n    def __len__(self): return 1\n"
                   "c.Sequence.register(Row)\n@numbers.Real.register\nclass Money: pass",
                   "[isinstance(Row(), c.Sequence), issubclass(Money, numbers.Real)]"),
    "list": ("import sys\nclass Finder:\n"
             "    @staticmethod\n    def find_spec(name, path=None, target=None): return None\n"
             "sys.meta_path.insert(0, Finder)", "sys.meta_path.index(Finder)"),
}


@pytest.mark.parametrize("call", ["checkpoint(); ep.checkpoints().to_dict()", "restore().to_dict()"])
def test_a_program_may_replace_what_writes_json(start, call):
    first = start()
    first.run("x = 3")
    first.checkpoint()
    start().run("import elasticpython as ep, json\nplain = json.dumps, json.loads, json._default_encoder\n"
                f"json.dumps = json.loads = json._default_encoder = None\nep.{call}\n"
                "json.dumps, json.loads, json._default_encoder = plain")


@pytest.mark.parametrize("plan", ["store-all", "recompute-all"])
@pytest.mark.parametrize("kind", PUT)
def test_what_a_cell_put_into_a_library_is_there_again(comes_back, kind, plan):
    cell, expression = PUT[kind]
    _, report = comes_back(expression, cell, "x = [1]", plan=plan)
    assert not report["hooks_not_here"] and not report["shell_problems"], report


def test_what_a_cell_set_and_cannot_be_stored_is_named(round_trip):
    _, _, report = round_trip("import textwrap, threading\ntextwrap.gate = [threading.Lock()]", "x = [1]",
                              plan="store-all")
    (said,) = report["shell_problems"]
    assert "textwrap.gate" in said


def test_plain_settings_do_not_keep_variables_from_waiting(start):
    first = start()
    first.run("import math\nmath.twice = 6.28", "x = list(range(10))")
    first.checkpoint(plan="store-all")
    second = start()
    assert second.restore(lazy=True)["deferred"]
    assert second.value("__import__('math').twice") == 6.28


def test_proxies_are_not_asked_what_they_are(start, tmp_path):
    process = start()
    process.run("import weakref, textwrap\nclass Gone: pass\nheld = [weakref.proxy(Gone())]\n"
                "class Proxy:\n    asked = 0\n    @property\n    def __class__(self):\n"
                "        Proxy.asked += 1\n        raise ReferenceError('nobody is there')",
                "proxy = Proxy()\ndef quiet(s): return 'q' + s\ntextwrap.dedent = quiet",
                "proxy.x = 1; asked = Proxy.asked")
    process.checkpoint(tmp_path / "store", plan="store-all")
    assert process.value("Proxy.asked - asked") == 1  # by object.__reduce_ex__, when it is pickled
    other = start()
    other.restore(tmp_path / "store")
    assert other.value("textwrap.dedent('x')") == "qx"


def test_a_cell_that_runs_again_finds_what_cells_before_it_put_into_libraries(round_trip):
    put = (
        "import gc, reprlib, sys, threading, types, pandas as pd\nfrom collections import abc",
        "early = [reprlib.aRepr.maxstring, hasattr(reprlib, 'mark'), gc.isenabled(), threading.Lock()]",
        "reprlib.aRepr.maxstring = 7; gc.disable()\ndef mark(): return 'mine'\nreprlib.mark = mark",
        "cfg = types.ModuleType('cfg'); cfg.n = 3; sys.modules['cfg'] = cfg",
        "@pd.api.extensions.register_dataframe_accessor('rows')\nclass Rows:\n"
        "    def __init__(self, frame): self.frame = frame\n    def count(self): return len(self.frame)",
        "class Row: pass\nabc.Sized.register(Row)\nrow, frame = Row(), pd.DataFrame({'a': [1, 2]})",
    )
    look = ("from cfg import n\nlate = [reprlib.aRepr.maxstring, reprlib.mark(), gc.isenabled(), n,"
            " frame.rows.count(), isinstance(row, abc.Sized), threading.Lock()]")
    after, _, report = round_trip(*put, look, "reprlib.aRepr.maxlist = 5; gc.enable(); other = [Row()]")
    assert {report["variables"][name]["status"] for name in ("early", "late")} == {"recomputed"}, report
    assert report["variables"]["frame"]["status"] == "same"
    assert after.value("early[:-1]") == [30, False, True]
    assert after.value("late[:-1]") == [7, "mine", False, 3, 2, True]
    assert after.value("[gc.isenabled(), reprlib.aRepr.maxlist]") == [True, 5]


def test_a_table_that_was_filled_holds_what_it_held_once_it_is_taken_back(start):
    process = start()
    process.run(
        "import unittest.util as util\nfrom elasticpython import library_places_back as places\n"
        "util.table = table = {'a': 1}; place = 'unittest.util', [('attr', 'table')]\n"
        "before = [places.present(*place)]; places.put(*place, {'b': [2]}); filled = dict(table)\n"
        "places.put_back(before)"
    )
    assert process.value("[filled, table, util.table is table]") == [{"b": [2]}, {"a": 1}, True]
