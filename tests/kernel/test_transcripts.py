"""The same requests to ipykernel and to ElasticPython give the same messages, word for word.

Each scenario runs in order on one kernel of each door; what is masked is in transcript.py, what differs on
purpose in differences.py.
"""

import difflib
import pprint

import pytest
from differences import TRANSCRIPT_DIFFERENCES
from transcript import transcript

HTML = "class H:\n    def _repr_html_(self): return '<b>h</b>'\n    def __repr__(self): return 'h'\n"

CELLS = {
    "result": "1 + 1",
    "print": "print('a'); print('b')",
    "both streams": "import sys\nprint('out'); print('err', file=sys.stderr)",
    "nothing": "",
    "blank": "   \n\n",
    "comment": "# nothing",
    "semicolon": "5;",
    "assignment": "x = 1",
    "several statements": "x = 1\ny = 2\nx + y",
    "unicode": "'ä漢🎉'",
    "long list": "list(range(200))",
    "nested dict": "{'a': {'b': [1, 2, {'c': None}]}, 'd': (1,), 'e': {1, 2}}",
    "long string": "'x' * 1000",
    "bytes": "b'\\x00\\xff'",
    "float": "0.1 + 0.2",
    "ellipsis": "...",
    "class result": "class A: pass\nA",
    "function result": "def f(a, *, b=1): pass\nf",
    "module result": "import json; json",
    "underscore": "_",
    "undefined name": "no_such_name",
    "undefined attribute": "import os; os.no_such_attribute",
    "zero division": "1/0",
    "nested error": "def f():\n    g()\ndef g():\n    raise KeyError('k')\nf()",
    "chained error": "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise ValueError('then') from e",
    "context error": "try:\n    1/0\nexcept ZeroDivisionError:\n    {}['k']",
    "error in a library": "import json\njson.loads('{')",
    "syntax error": "a b",
    "indentation error": "if True:\npass",
    "unterminated string": "'abc",
    "assertion": "assert 1 == 2, 'message'",
    "assertion without a message": "assert False",
    "error without a message": "raise ValueError",
    "error with several arguments": "raise ValueError(1, 'two')",
    "multi-line message": "raise ValueError('first\\nsecond')",
    "error with notes": "e = ValueError('noted'); e.add_note('the note'); raise e",
    "exception group": "raise ExceptionGroup('group', [ValueError(1), KeyError('k')])",
    "own exception": "class Own(Exception): pass\nraise Own('message')",
    "system exit": "raise SystemExit",
    "system exit with a message": "import sys; sys.exit('message')",
    "stop iteration": "next(iter([]))",
    "keyboard interrupt": "raise KeyboardInterrupt",
    "import error": "import no_such_module_at_all",
    "from import error": "from json import no_such_thing",
    "unraisable": "class D:\n    def __del__(self): raise ValueError('in del')\nd = D(); del d",
    "warning": "import warnings; warnings.warn('careful', UserWarning)",
    "deprecation warning": "import warnings; warnings.warn('old', DeprecationWarning)",
    "rich result": HTML + "H()",
    "display": HTML + "from IPython.display import display\ndisplay(H())",
    "display several": "from IPython.display import display\ndisplay(1, 'two', [3])",
    "display with id": "from IPython.display import display\nd = display(1, display_id='one'); d.update(2)",
    "display generated id": "from IPython.display import display\ndisplay(1, display_id=True)",
    "update display": "from IPython.display import update_display\nupdate_display(3, display_id='one')",
    "html": "from IPython.display import HTML\nHTML('<p>p</p>')",
    "markdown": "from IPython.display import Markdown\nMarkdown('# m')",
    "json": "from IPython.display import JSON\nJSON({'a': 1})",
    "latex": "from IPython.display import Latex\nLatex('$x$')",
    "javascript": "from IPython.display import Javascript\nJavascript('1')",
    "svg": "from IPython.display import SVG\nSVG('<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>')",
    "raw display": (
        "from IPython.display import display\ndisplay({'text/x': 'raw'}, raw=True, "
        "metadata={'text/x': {'k': 1}})"
    ),
    "clear output": "from IPython.display import clear_output\nprint(1); clear_output(wait=True); print(2)",
    "figure": "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(1, 1)); ax.plot([1, 2]);",
    "figure result": "import matplotlib.pyplot as plt\nfig = plt.figure(figsize=(1, 1)); plt.close(fig); fig",
    "frame": "import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': ['x', None]})",
    "series": "import pandas as pd\npd.Series([1.5, 2.5], name='s')",
    "array": "import numpy as np\nnp.arange(6).reshape(2, 3)",
    "await": "import asyncio\nawait asyncio.sleep(0.001, 'slept')",
    "await error": "import asyncio\nawait asyncio.sleep(0.001)\n1/0",
    "line magic": "%pwd",
    "missing magic": "%nosuchmagic",
    "missing cell magic": "%%nosuchmagic\nx",
    "time": "%time 1 + 1",
    "cell time": "%%time\nx = 1",
    "capture": "%%capture c\nprint(1)",
    "shell": "!echo shell",
    "shell assignment": "a = !echo assigned\na",
    "bash": "%%bash\necho bash",
    "failing bash": "%%bash\nexit 3",
    "help": "len?",
    "more help": "import json\njson.dumps??",
    "help of nothing": "no_such_thing?",
    "set next input": "get_ipython().set_next_input('next')",
    "autosave": "%autosave 30",
    "html magic": "%%html\n<i>x</i>",
    "javascript magic": "%%javascript\n1",
    "xmode": "%xmode Plain",
    "plain error": "1/0",
    "xmode back": "%xmode Context",
    "lsmagic count": "len(get_ipython().magics_manager.magics['line']) > 80",
    "who": "zzz_mine = 1\n%who_ls dict",
    "input transformation": "x = !echo 1\n%pwd\ny = 2",
    "auto call quoting": ",print a b",
    "walrus and match": "match (n := 3):\n    case 3: print('three')",
    "decorated": "import functools\n@functools.cache\ndef f(x): return x\nf(1)",
    "global statement": "def setter():\n    global made; made = 5\nsetter(); made",
    "del": "made = 1\ndel made\nmade",
    "widget": "import ipywidgets as w\nw.IntSlider(3)",
    "output widget": "import ipywidgets as w\no = w.Output()\nwith o: print('in')\nprint('after')",
    "interact": "import ipywidgets as w\nw.interact(lambda x: print(x), x=(0, 4));",
    "comm": (
        "from comm import create_comm\nc = create_comm(target_name='t', data={'a': 1}, "
        "buffers=[b'xy'])\nc.close()"
    ),
    "logging": "import logging; logging.warning('logged')",
    "stdin not allowed": "input('q')",
    "password not allowed": "import getpass; getpass.getpass()",
    "exit code of the shell": "!false\n_exit_code",
    "tracemalloc of nothing": "import sys; sys.getrefcount(object()) > 0",
}

REQUESTS = {
    "empty user expressions": (
        "execute_request",
        {"code": "1", "user_expressions": {"a": "1", "b": "1/0", "c": "'x'"}},
    ),
    "silent": ("execute_request", {"code": "print(1)\n2", "silent": True}),
    "silent error": ("execute_request", {"code": "1/0", "silent": True}),
    "unstored": ("execute_request", {"code": "3", "store_history": False}),
    "completion": ("complete_request", {"code": "import os\nos.path.joi", "cursor_pos": 21}),
    "completion of a magic": ("complete_request", {"code": "%matplotl", "cursor_pos": 9}),
    "completion of nothing": ("complete_request", {"code": "zzzzz_nothing", "cursor_pos": 13}),
    "completion in the middle": ("complete_request", {"code": "prin('x')", "cursor_pos": 4}),
    "inspection": ("inspect_request", {"code": "len", "cursor_pos": 3, "detail_level": 0}),
    "inspection in detail": (
        "inspect_request",
        {"code": "import json\njson.dumps", "cursor_pos": 22, "detail_level": 1},
    ),
    "inspection of nothing": ("inspect_request", {"code": "zzzz", "cursor_pos": 4, "detail_level": 0}),
    "complete": ("is_complete_request", {"code": "1"}),
    "incomplete": ("is_complete_request", {"code": "for i in x:"}),
    "invalid": ("is_complete_request", {"code": "a b c ="}),
    "comm info": ("comm_info_request", {"target_name": "no_such_target"}),
    "history": (
        "history_request",
        {"output": False, "raw": True, "hist_access_type": "search", "pattern": "zzz_nothing*", "n": 3},
    ),
    "history range": (
        "history_request",
        {"output": True, "raw": True, "hist_access_type": "range", "session": 0, "start": 1, "stop": 3},
    ),
    "unregistered comm": ("comm_open", {"comm_id": "u", "target_name": "unregistered_target", "data": {}}),
    "message to no comm": ("comm_msg", {"comm_id": "none", "data": {}}),
}

ANSWERED = {
    "input": ("input('name: ')", ["Ada"]),
    "two inputs": ("print(input(), input('b'))", ["x", "y"]),
    "password": ("import getpass\ngetpass.getpass('pw: ')", ["secret"]),
    "pdb": ("v = 5\nimport pdb; pdb.set_trace()\nv", ["p v", "c"]),
}


@pytest.fixture(scope="module")
def reference(launch):
    """The ipykernel that is compared with."""
    kernel = launch("ipykernel")
    yield kernel
    kernel.stop()


@pytest.fixture(scope="module")
def ours(own_door, launch):
    """A kernel of ours that sees the same requests as the reference."""
    kernel = launch(own_door)
    yield kernel
    kernel.stop()


@pytest.fixture(scope="module")
def remembered():
    """What the reference said to each request, so that it is asked once for both doors."""
    return {}


def compare(remembered, reference, ours, name, run):
    """Run a request on both kernels and compare what came back."""
    if name not in remembered:
        remembered[name] = transcript(run(reference))
    actual = transcript(run(ours))
    expected = remembered[name]
    adapt = TRANSCRIPT_DIFFERENCES.get(name)
    if adapt:
        expected, actual = adapt(expected), adapt(actual)
    if actual != expected:
        left = pprint.pformat(expected, width=100).splitlines()
        right = pprint.pformat(actual, width=100).splitlines()
        difference = "\n".join(
            difflib.unified_diff(left, right, "ipykernel", "elasticpython", lineterm="", n=1)
        )
        pytest.fail(difference[:4000], pytrace=False)


@pytest.mark.parametrize("name", CELLS)
def test_cell(reference, ours, remembered, name):
    compare(remembered, reference, ours, name, lambda kernel: kernel.execute(CELLS[name], timeout=30))


@pytest.mark.parametrize("name", REQUESTS)
def test_request(reference, ours, remembered, name):
    message_type, content = REQUESTS[name]

    def run(kernel):
        if message_type == "execute_request":
            return kernel.execute(**content)
        if message_type.startswith("comm_") and message_type != "comm_info_request":
            exchange = kernel.send(message_type, content)
            return exchange.wait_for(lambda e: "idle" in e.states)
        return kernel.request(message_type, content)

    compare(remembered, reference, ours, name, run)


@pytest.mark.parametrize("name", ANSWERED)
def test_answered(reference, ours, remembered, name):
    code, answers = ANSWERED[name]
    compare(remembered, reference, ours, name, lambda kernel: kernel.execute(code, answers=answers))


def test_execute_reply_metadata_has_the_keys_that_clients_read(reference, ours):
    wanted = set(reference.execute("1").reply["metadata"]) - {"engine", "dependencies_met"}
    assert wanted <= set(ours.execute("1").reply["metadata"])


def test_kernel_info_has_the_same_keys(reference, ours):
    expected = reference.request("kernel_info_request").content
    actual = ours.request("kernel_info_request").content
    assert set(expected) - set(actual) == set()
    assert set(expected["language_info"]) == set(actual["language_info"])
    assert actual["protocol_version"] == expected["protocol_version"]
