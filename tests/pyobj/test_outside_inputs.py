"""What a cell takes from outside that no later run gets again, told by the functions themselves."""

import pytest
from elasticpython._core import analysis

IMPORTS = (
    "import os, time, datetime, uuid, secrets, random, sys, threading, logging, tempfile, pickle, socket\n"
    "import numpy as np, pandas as pd\n"
    "from os import urandom as noise\n"
    "from datetime import datetime as dt\n"
)
NAMES = {"__name__": "__main__"}
exec(IMPORTS, NAMES)

CLOCK, RANDOM, PROCESS = "clock-read", "randomness-drawn", "process-asked"

DRAWN = {
    "y = os.urandom(8)": {RANDOM},
    "y = noise(8)": {RANDOM},
    "y = getattr(os, 'ur' + 'andom')(8)": {RANDOM},
    "y = list(map(noise, [1, 2]))": {RANDOM},
    "y = os.getrandom(4)": {RANDOM},
    "y = secrets.token_hex()": {RANDOM},
    "y = secrets.choice([1, 2])": {RANDOM},
    "y = uuid.uuid4()": {RANDOM},
    "y = uuid.uuid1()": {CLOCK},
    "y = random.Random()": {RANDOM},
    "y = random.SystemRandom().random()": {RANDOM},
    "random.seed()": {RANDOM},
    "random.seed(None)": {RANDOM},
    "y = np.random.default_rng()": {RANDOM},
    "y = np.random.RandomState()": {RANDOM},
    "y = np.random.SeedSequence()": {RANDOM},
    "np.random.seed()": {RANDOM},
    "def f(g, *a): return g(*a)\ny = f(np.random.default_rng); z = f(np.random.RandomState, 1)": {RANDOM},
    "y = np.random.RandomState(1); z = np.random.default_rng()": {RANDOM},
    "y = time.time()": {CLOCK},
    "y = time.time_ns()": {CLOCK},
    "y = time.perf_counter()": {CLOCK},
    "y = time.monotonic_ns()": {CLOCK},
    "y = time.process_time()": {CLOCK},
    "y = time.localtime()": {CLOCK},
    "y = time.gmtime().tm_year": {CLOCK},
    "y = time.ctime()": {CLOCK},
    "y = time.asctime()": {CLOCK},
    "y = time.strftime('%Y')": {CLOCK},
    "y = datetime.datetime.now()": {CLOCK},
    "y = dt.now(datetime.timezone.utc)": {CLOCK},
    "y = dt.utcnow()": {CLOCK},
    "y = dt.today()": {CLOCK},
    "y = datetime.date.today()": {CLOCK},
    "y = pd.Timestamp.now()": {CLOCK},
    "y = pd.Timestamp.today()": {CLOCK},
    "y = pd.Timestamp('now')": {CLOCK},
    "y = pd.to_datetime('today')": {CLOCK},
    "y = os.getpid()": {PROCESS},
    "y = os.uname()": {PROCESS},
    "y = threading.get_ident()": {PROCESS},
    "y = [f() for f in (time.time, os.getpid)]": {CLOCK, PROCESS},
    "exec('import time as t; y = t.time()')": {CLOCK},
    "class Stamped:\n  def __init__(self): self.at = time.time()\ny = Stamped()": {CLOCK},
    "def run(): box.append(noise(3))\nbox = []\nt = threading.Thread(target=run)\nt.start(); t.join()": {
        RANDOM
    },
}

QUIET = {
    "seeded": "random.seed(1); y = random.random(); z = random.Random(5); z.random()",
    "seeded numpy": "np.random.seed(3); y = np.random.default_rng(7); z = np.random.RandomState(1)",
    "a time that is given": "y = time.strftime('%Y', time.gmtime(0)), time.localtime(5), time.ctime(9)",
    "a date that is given": "y = dt(2020, 1, 1), dt.fromtimestamp(0), datetime.date.fromordinal(9)",
    "sleeping": "time.sleep(0)",
    "referring to the clock": "y = time.time, os.urandom, dt.now",
    "an event that is waited for": "e = threading.Event(); e.wait(0.001)",
    "a log line": "logging.getLogger('elastic').debug('x'); r = logging.makeLogRecord({})",
    "an import": "sys.modules.pop('colorsys', None); import colorsys, statistics",
    "a pickle": "y = pickle.loads(pickle.dumps(dt(2020, 1, 1)))",
    "uuids of names": "y = uuid.uuid5(uuid.NAMESPACE_DNS, 'a')",
}


def outside(source):
    """The kinds of outside inputs that running the source has."""
    names = dict(NAMES)
    code = compile(source, "<cell>", "exec")
    analysis.begin_effects()
    try:
        exec(code, names)
    finally:
        found = analysis.end_effects()
    return {kind for kind, _ in found["effects"]}


@pytest.mark.parametrize("cell", DRAWN)
def test_is_seen(cell):
    assert outside(cell) == DRAWN[cell]


@pytest.mark.parametrize("name", QUIET)
def test_is_not_taken_for_one(name):
    assert outside(QUIET[name]) == set()


def test_a_library_may_time_itself():
    """What measures is one thing when the session asks, another when a library does."""
    library = {"__name__": "somelibrary"}
    source = "import time\ndef f(): return time.perf_counter()\ndef g(): return time.time()"
    exec(compile(source, "/usr/lib/somelibrary.py", "exec"), library)
    NAMES["timed"] = library["f"]
    assert outside("timed()") == set()
    NAMES["stamped"] = library["g"]
    assert outside("y = stamped()") == {CLOCK}


@pytest.mark.parametrize(("module", "taken"), [("tqdm.std", set()), ("sqlalchemy.pool.base", set()),
                                               ("duckdb._relation", set()),
                                               ("sqlalchemy.sql.schema", {CLOCK})])
def test_a_tool_that_notes_the_time_for_itself_is_not_asked_for_it(module, taken):
    library = {"__name__": module}
    exec(compile("import time\ndef f(): return time.time()", "/usr/lib/tool.py", "exec"), library)
    NAMES["noted"] = library["f"]
    assert outside("noted()") == taken


def test_the_functions_stay_what_they_are():
    """Identity, name, signature and pickle of what is watched."""
    import datetime
    import inspect
    import os
    import pickle
    import time

    analysis.begin_effects()
    analysis.end_effects()
    for function in (time.time, os.urandom, os.getpid, datetime.datetime.now, time.strftime):
        assert pickle.loads(pickle.dumps(function)) == function
        assert type(function) is type(len)
        assert function.__doc__
    assert time.time.__name__ == "time" and time.time.__module__ == "time"
    assert str(inspect.signature(os.urandom)) == "(size, /)"
    assert len(os.urandom(5)) == 5 and os.getpid() == int(os.readlink("/proc/self"))
    with pytest.raises(TypeError):
        os.urandom()
    with pytest.raises(TypeError):
        time.strftime()
    with pytest.raises(ValueError):
        os.urandom(-1)


def test_nothing_is_noted_between_cells():
    import os

    os.urandom(1)
    assert outside("x = 1") == set()
