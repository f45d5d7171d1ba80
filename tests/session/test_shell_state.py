"""What IPython itself remembers of a session comes back with it, or is named."""

import pytest


def test_magics_aliases_formatters_and_callbacks_come_back(round_trip):
    after, _, report = round_trip(
        """
        from IPython.core.magic import Magics, line_magic, magics_class, register_line_magic
        greeting = 'hello'
        @register_line_magic
        def greet(line): return greeting + ' ' + line
        @magics_class
        class More(Magics):
            @line_magic
            def twice(self, line): return 2 * line
        get_ipython().register_magics(More)
        """,
        "%alias_magic again greet\n%alias show echo shown",
        """
        class Point: pass
        def as_html(point): return '<b>point</b>'
        get_ipython().display_formatter.formatters['text/html'].for_type(Point, as_html)
        seen = []
        def note(*_): seen.append(1)
        get_ipython().events.register('post_execute', note)
        """,
        "%precision 3\nget_ipython().ast_node_interactivity = 'all'",
    )
    after.run("a = %greet you\nb = %twice xy\nc = %again me")
    assert after.value("[a, b, c]") == ["hello you", "xyxy", "hello me"]
    assert after.value("get_ipython().alias_manager.get_alias('show').cmd") == "echo shown"
    formatter = "get_ipython().display_formatter.formatters['text/html']"
    assert after.value(f"{formatter}(Point())") == "<b>point</b>"
    assert after.value("note in get_ipython().events.callbacks['post_execute']")
    count = after.value("len(seen)")
    after.run("1")
    assert after.value("len(seen)") > count
    assert after.value("get_ipython().ast_node_interactivity") == "all"
    assert after.value("get_ipython().display_formatter.formatters['text/plain'].float_precision") == "3"
    assert report["shell_problems"] == []


def test_hooks_that_nobody_can_ask_for_are_named(round_trip):
    _, _, report = round_trip("import atexit\nvalue = [1]\n_ = atexit.register(print)", plan="store-all")
    assert len(report["hooks_not_here"]) == 1
    assert "atexit" in report["hooks_not_here"][0]


def test_hooks_of_threads_and_of_errors_nobody_caught_come_back(round_trip):
    after, _, _ = round_trip(
        "import sys, threading\ndef hook(args): pass\nthreading.excepthook = sys.unraisablehook = hook"
    )
    assert after.value("threading.excepthook is hook and sys.unraisablehook is hook")


MAY_FALL_BACK = "matplotlib.rcParams['backend_fallback']"


@pytest.mark.parametrize("chosen", ["matplotlib.use('svg')", "plt.switch_backend('svg')"])
def test_the_backend_of_matplotlib_is_the_one_that_was_chosen(start, chosen):
    first = start(MPLBACKEND="agg")
    first.run(f"import matplotlib\nimport matplotlib.pyplot as plt\n{chosen}\nfig = plt.figure()")
    first.checkpoint()
    second = start(MPLBACKEND="agg")
    second.restore()
    assert second.value("matplotlib.get_backend()").lower() == "svg"
    assert second.value(MAY_FALL_BACK) is first.value(MAY_FALL_BACK) is ("switch" in chosen)


def test_figures_are_loaded_with_the_backend_they_had(start):
    inline = "module://matplotlib_inline.backend_inline"  # as a kernel has it
    first, second = start(MPLBACKEND=inline), start(MPLBACKEND=inline)
    first.run("import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt",
              "fig = plt.figure()")
    first.checkpoint(plan="store-all")
    second.restore()
    assert second.value("type(fig.canvas).__module__") == "matplotlib.backends.backend_agg"
    assert second.run("a = 2")["displays"] == 0


@pytest.mark.parametrize("plan", ["store-all", "recompute-all"])
def test_what_a_figure_calls_is_called_again(round_trip, plan):
    after, _, report = round_trip(
        "import matplotlib\nmatplotlib.use('agg')\nfrom matplotlib import pyplot as plt\nseen = []",
        "class Zoom:\n    def __init__(self, ax):\n        self.ax, self.count = ax, 0\n"
        "        ax.callbacks.connect('ylim_changed', self.changed)\n"
        "    def changed(self, ax): self.count += 1",
        "fig, ax = plt.subplots(); zoom = Zoom(ax)\n"
        "number = ax.callbacks.connect('xlim_changed', lambda ax: seen.append(ax.get_xlim()[1]))",
        "from matplotlib.widgets import Slider\nmoved = []\nslider = Slider(plt.figure().gca(), 'a', 0, 1)\n"
        "slider.on_changed(lambda value: moved.append(value));",
        plan=plan,
    )
    assert report["variables"]["number"]["status"] in ("same", "recomputed")
    assert report["hooks_not_here"] == []
    after.run("ax.set_xlim(0, 5); ax.set_ylim(0, 3)", "ax.callbacks.disconnect(number); ax.set_xlim(0, 6)")
    assert after.value("[list(map(float, seen)), zoom.count]") == [[5], 1]
    after.run("slider.set_val(0.5)")
    assert after.value("moved") == [0.5]


def test_what_magics_configured_comes_back(round_trip):
    after, _, _ = round_trip(
        "%config InlineBackend.figure_formats = {'svg', 'png'}\n%config IPCompleter.greedy = True",
        "%xmode Verbose\n%pprint\n%load_ext autoreload",
        "%autoreload 2",
    )
    assert after.value("set(get_ipython().config['InlineBackend']['figure_formats']) == {'svg', 'png'}")
    assert after.value("get_ipython().Completer.greedy and get_ipython().InteractiveTB.mode") == "Verbose"
    assert after.value("get_ipython().display_formatter.formatters['text/plain'].pprint") is False
    reloader = "get_ipython().find_line_magic('autoreload').__self__._reloader"
    assert after.value(f"[{reloader}.enabled, {reloader}.check_all]") == [True, True]


@pytest.mark.parametrize(("plan", "named"), [("store-all", True), ("recompute-all", False)])
def test_what_was_registered_with_a_library_is_named_unless_its_cell_ran_again(round_trip, plan, named):
    after, _, report = round_trip(
        "import codecs\nfrom IPython.core.magic import register_line_magic",
        "def twice(name): return codecs.lookup('utf-8') if name == 'twice' else None\n"
        "codecs.register(twice)",
        "def as_text(value): return str(value)\n"
        "codecs.register_error('as_text', lambda error: (as_text(error.start), error.end))",
        "@register_line_magic\ndef mine(line): return as_text(line)",
        "def raises(): raise ValueError\ntry:\n    raises()\nexcept ValueError: pass",
        plan=plan,
    )
    [*sentences] = report["hooks_not_here"]
    assert [sentence.partition(":")[0] for sentence in sentences] == (["<lambda>, twice"] if named else [])
    assert ("error" in after.run("'a'.encode('twice')", fails=True)["error"].lower() if named
            else after.run("'a'.encode('twice')")["error"] is None)


def test_only_leaves_in_out_and_the_ambient_state_alone(start, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    first = start()
    first.run("x = [1]", "x", f"import os; os.chdir({str(tmp_path / 'elsewhere')!r})")
    first.checkpoint(tmp_path / "place")
    second = start()
    second.run("mine = 'cell'", "40 + 2")
    report = second.restore(tmp_path / "place", only=["x"])
    assert second.value("[x, mine, Out[2], In[1]]") == [[1], "cell", 42, "mine = 'cell'"]
    assert second.value("__import__('os').getcwd()") == str(tmp_path / "work")
    assert report["left_out"] == ["os"]


def test_an_output_and_the_variable_that_holds_it_share_it_again(start, tmp_path):
    first = start()
    first.run("class Box:\n    pass", "[1, 2]", "y = {'k': Out[2]}", "b = Box()\nb.items = [[3]]\nb.items",
              "import numpy as np\nnp.arange(3)", "w = (0, [Out[5]])", "{'again': b.items[0], 'y': y}")
    first.checkpoint(tmp_path / "here", plan="store-all")
    second = start()
    second.restore(tmp_path / "here")
    assert second.value("[y['k'] is Out[2], b.items is Out[4], w[1][0] is _5, Out[7]['again'] is b.items[0], "
                        "Out[7]['y'] is y, _ is Out[7]]") == [True] * 6


def test_a_traceback_shows_the_lines_of_restored_functions(start, tmp_path):
    first = start()
    first.run("def halve(x):\n    return x / 0  # oh", "x = halve")
    first.checkpoint(tmp_path / "here", plan="store-all")
    second = start()
    second.restore(tmp_path / "here")
    output = second.run("halve(1)", fails=True)["output"]
    assert "return x / 0  # oh" in output and "Cell In[1], line 2" in output
    assert "return x / 0  # oh" in second.run("import inspect\nprint(inspect.getsource(halve))")["output"]


def test_a_name_that_is_no_identifier_is_a_name_like_others(start, tmp_path):
    first = start()
    first.run("def f(): return 1", "globals()['a/0'] = f\nglobals()['b c'] = [[f]]", "globals()['b c'][0]")
    first.checkpoint(tmp_path / "here", plan="store-all")
    second = start()
    second.restore(tmp_path / "here")
    assert second.value("globals()['a/0'] is f and globals()['b c'][0] is Out[3] and Out[3][0] is f")


@pytest.mark.parametrize("lazy", [False, True])
def test_annotations_of_the_session_come_back(start, tmp_path, lazy):
    first = start()
    first.run("x: int = 5", "class P: pass\ny: 'P' = P(); z: P = y", "big = [1]")
    first.checkpoint(tmp_path / "store", plan="store-all")
    second = start()
    report = second.call("restore", path=str(tmp_path / "store"), lazy=lazy)
    assert bool(report["deferred"]) == lazy
    second.run("w: list = []")
    assert second.value("list(__annotations__)") == ["x", "y", "z", "w"]
    told = second.run("print(__annotations__['x'] is int, __annotations__['z'] is type(z) is P)")
    assert told["output"] == "True True\n"


FIGURES = """
    import matplotlib
    matplotlib.use('agg')
    import matplotlib.pyplot as plt
    """
OPEN = "plt.get_fignums(), plt.get_figlabels(), plt.gcf().number, len(plt.gca().lines)"


@pytest.mark.parametrize("plan", ["optimal", "store-all", "recompute-all"])
def test_open_figures_keep_their_numbers(comes_back, plan):
    """Those that a variable holds, that one leads to, that nobody holds; and the one that is current."""
    after, report = comes_back(
        OPEN, FIGURES,
        "fig = plt.figure('held')\nplt.figure(7)\n_ = plt.plot([1, 2])",
        "ax = plt.figure(9).subplots(2)\n_ = ax[0].plot([1])",
        "class Report: pass\nreport = Report()\nreport.drawn = plt.figure(4)",
        "_ = plt.figure(5)\nplt.close(5)\n_ = plt.figure(7)",
        plan=plan)
    assert {each["status"] for each in report["variables"].values()} <= {"same", "recomputed"}
    assert not report["shell_problems"]
    assert after.value("plt.figure('held') is fig, plt.figure(9) is ax[1].figure") == [True, True]
    assert after.value("plt.figure(4) is report.drawn")
    assert after.value("ax[1].figure.number, report.drawn.number") == [9, 4]


def test_open_figures_take_the_place_of_those_there_were(start):
    first = start()
    first.run(FIGURES, "fig = plt.figure(3)", "_ = plt.plot([1])")
    first.checkpoint()
    first.run("other = plt.figure(5)", "del fig", "plt.close(3)\n_ = plt.figure(3)")
    report = first.restore()
    assert first.value(OPEN) == [[3], [""], 3, 1]
    assert first.value("plt.figure(3) is fig")
    assert report["variables"]["fig"]["status"] in ("same", "recomputed")


def test_a_three_dimensional_plot_is_the_same(round_trip):
    _, _, report = round_trip(
        FIGURES, "fig = plt.figure()\nax = fig.add_subplot(projection='3d')\nax.plot([1], [2], [3])",
        "fig.canvas.draw()", plan="store-all")
    assert report["variables"]["ax"]["status"] == report["variables"]["fig"]["status"] == "same"
