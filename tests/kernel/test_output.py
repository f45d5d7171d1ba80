"""Streams, rich display, and output from below Python; nothing may be lost, reordered or misattributed."""

import base64

import pytest


def test_streams_keep_their_names(kernel):
    cell = kernel.execute("import sys\nprint('to out')\nprint('to err', file=sys.stderr)")
    assert cell.stdout == "to out\n"
    assert cell.stderr == "to err\n"


def test_output_comes_while_the_cell_runs(kernel):
    cell = kernel.submit("import time\nprint('early')\ntime.sleep(1.5)\nprint('late')")
    cell.wait_for(lambda c: "early" in c.stdout, timeout=1.4)
    assert not cell.replies
    assert cell.wait().stdout == "early\nlate\n"


def test_a_result_comes_after_what_was_printed_before_it(kernel):
    cell = kernel.execute("import sys\nprint('x' * 10); sys.stderr.write('e')\n'result'")
    kinds = [m["header"]["msg_type"] for m in cell.iopub if m["header"]["msg_type"] != "status"]
    assert kinds[-1] == "execute_result"


def test_display_and_print_keep_their_order(kernel):
    cell = kernel.execute(
        "from IPython.display import display\nfor i in range(5):\n    print(i)\n    display(i)"
    )
    seen = []
    for message in cell.iopub:
        content = message["content"]
        if message["header"]["msg_type"] == "stream":
            seen.extend(content["text"].split())
        elif message["header"]["msg_type"] == "display_data":
            seen.append("d" + content["data"]["text/plain"])
    assert seen == ["0", "d0", "1", "d1", "2", "d2", "3", "d3", "4", "d4"]


def test_a_hundred_thousand_lines_arrive_whole_and_in_order(kernel):
    cell = kernel.execute("for i in range(100_000): print(i)", timeout=60)
    assert cell.stdout == "".join(f"{i}\n" for i in range(100_000))
    assert cell.states == ["busy", "idle"]


def test_flushed_lines_arrive_whole_and_in_order(kernel):
    cell = kernel.execute("for i in range(3_000): print(i, flush=True)", timeout=60)
    assert cell.stdout == "".join(f"{i}\n" for i in range(3_000))


@pytest.mark.slow
def test_fifty_megabytes_in_one_output(kernel):
    cell = kernel.execute(
        "from IPython.display import display\n"
        "display({'text/plain': 'small', 'application/x-large': 'y' * 50_000_000}, raw=True)",
        timeout=60,
    )
    data = cell.of_type("display_data")[0]["data"]
    assert len(data["application/x-large"]) == 50_000_000


@pytest.mark.slow
def test_fifty_megabytes_in_one_print(kernel):
    cell = kernel.execute("print('z' * 50_000_000)", timeout=60)
    assert len(cell.stdout) == 50_000_001
    assert cell.stdout.count("z") == 50_000_000


def test_thousands_of_displays_arrive(kernel):
    cell = kernel.execute(
        "from IPython.display import display\nfor i in range(3_000): display({'text/plain': str(i)}, "
        "raw=True)",
        timeout=60,
    )
    assert [c["data"]["text/plain"] for c in cell.of_type("display_data")] == [str(i) for i in range(3_000)]


@pytest.mark.differs("surrogates")
@pytest.mark.parametrize(
    "code",
    [
        r"import sys; print('\ud800 alone'); print('\udce4')",
        r"import sys; sys.stdout.write('\ud83d'); sys.stderr.write('\udfff')",
    ],
)
def test_surrogates_in_output_do_not_raise(kernel, code):
    cell = kernel.execute(code)
    assert cell.content["status"] == "ok"
    assert cell.stdout


@pytest.mark.differs("surrogates")
def test_surrogates_in_results_and_errors_do_not_lose_the_reply(kernel):
    assert kernel.execute(r"'\ud800'").content["status"] == "ok"
    cell = kernel.execute(r"raise ValueError('\ud800 inside')")
    assert (cell.content["status"], cell.content["ename"]) == ("error", "ValueError")


def test_null_bytes_and_control_characters_pass(kernel):
    cell = kernel.execute(r"print('a\x00b\x07c\rd\x1b[31mred\x1b[0m')")
    assert cell.stdout == "a\x00b\x07c\rd\x1b[31mred\x1b[0m\n"


def test_stdout_behaves_as_a_text_stream(kernel):
    cell = kernel.execute(
        "import sys, io, os\n"
        "s = sys.stdout\n"
        "assert isinstance(s, io.TextIOBase) and s.writable() and not s.closed\n"
        "assert s.encoding.lower() == 'utf-8' and isinstance(s.fileno(), int)\n"
        "assert s.write('four') == 4 and not s.readable() and not s.seekable() and not s.isatty()\n"
        "s.writelines(['a', 'b']); s.flush(); assert s.errors is None or isinstance(s.errors, str)\n"
        "try: s.write(b'bytes')\n"
        "except TypeError: print(' TypeError')"
    )
    assert cell.content["status"] == "ok", cell.content
    assert cell.stdout == "fourab TypeError\n"


def test_the_original_streams_do_not_write_into_the_notebook_twice(kernel):
    cell = kernel.execute("import sys; print('once', file=sys.__stdout__, flush=True)")
    cell.wait_for(lambda c: True)
    kernel.drain(0.3)
    assert cell.stdout.count("once") <= 1


def test_redirection_of_streams_works(kernel):
    cell = kernel.execute(
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as caught: print('inside')\n"
        "caught.getvalue()"
    )
    assert (cell.stdout, cell.result) == ("", "'inside\\n'")


def test_the_logging_module_writes_to_stderr(kernel):
    cell = kernel.execute("import logging; logging.getLogger('user').warning('careful')")
    assert cell.stderr == "careful\n"


def wait_for_text(kernel, cell, name, text):
    """Wait until a stream of a cell holds the text; C-level output may come just after the reply."""
    cell.wait_for(lambda c: text in c.stream(name), timeout=5, what=f"{text!r} on {name}")


@pytest.mark.parametrize(
    "name, code",
    [
        (
            "stdout",
            "import ctypes; libc = ctypes.CDLL(None); libc.printf(b'%s\\n', b'from below'); "
            "libc.fflush(None)",
        ),
        ("stdout", "import os; os.system('echo from below')"),
        ("stderr", "import os; os.system('echo from below >&2')"),
        ("stdout", "import os; os.write(1, b'from below\\n')"),
        ("stderr", "import os; os.write(2, b'from below\\n')"),
        ("stdout", "import subprocess; subprocess.run(['echo', 'from below'])"),
        ("stderr", "import subprocess; subprocess.run('echo from below >&2', shell=True)"),
        ("stdout", "import sys, subprocess; subprocess.run([sys.executable, '-c', 'print(\"from below\")'])"),
        ("stdout", "!echo from below"),
        ("stdout", "%%bash\necho from below"),
    ],
)
def test_output_from_below_python_belongs_to_its_cell(kernel, name, code):
    cell = kernel.execute(code)
    wait_for_text(kernel, cell, name, "from below")


@pytest.mark.differs("unflushed-c-output")
def test_output_that_c_code_did_not_flush_is_seen(kernel):
    cell = kernel.execute("import ctypes; ctypes.CDLL(None).printf(b'not flushed\\n')")
    cell.wait_for(lambda c: "not flushed" in c.stdout, timeout=3)


@pytest.mark.slow
def test_a_megabyte_from_a_child_arrives_whole(kernel):
    cell = kernel.execute("import subprocess; subprocess.run(['seq', '150000'])")
    wait_for_text(kernel, cell, "stdout", "\n150000\n")
    assert cell.stdout == "".join(f"{i}\n" for i in range(1, 150_001))


def test_bytes_that_are_not_utf8_from_below_do_not_kill_the_stream(kernel):
    cell = kernel.execute(r"import os; os.write(1, b'\xff\xfe bad\n'); os.write(1, 'ä fine\n'.encode())")
    wait_for_text(kernel, cell, "stdout", "ä fine")


def test_child_output_of_a_cell_still_running_streams(kernel):
    cell = kernel.submit("import subprocess; subprocess.run('echo soon; sleep 1.5', shell=True)")
    cell.wait_for(lambda c: "soon" in c.stdout, timeout=1.4)
    assert not cell.replies
    cell.wait()


def test_rich_display_has_all_its_mime_types(kernel):
    cell = kernel.execute(
        "class Rich:\n"
        "    def __repr__(self): return 'plain'\n"
        "    def _repr_html_(self): return '<b>bold</b>'\n"
        "    def _repr_markdown_(self): return '**bold**'\n"
        "    def _repr_json_(self): return {'k': [1, None, 2.5]}\n"
        "    def _repr_latex_(self): return '$x$'\n"
        "    def _repr_svg_(self): return '<svg/>'\n"
        "    def _repr_png_(self): return b'\\x89PNG..'\n"
        "Rich()"
    )
    data = cell.of_type("execute_result")[0]["data"]
    assert data["text/plain"] == "plain"
    assert data["text/html"] == "<b>bold</b>"
    assert data["text/markdown"] == "**bold**"
    assert data["application/json"] == {"k": [1, None, 2.5]}
    assert data["text/latex"] == "$x$"
    assert data["image/svg+xml"] == "<svg/>"
    assert base64.b64decode(data["image/png"]) == b"\x89PNG.."


def test_mimebundles_and_their_metadata_pass(kernel):
    cell = kernel.execute(
        "class Bundle:\n"
        "    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        return {'text/x-own': 'own', 'text/plain': 'p'}, {'text/x-own': {'wide': True}}\n"
        "Bundle()"
    )
    content = cell.of_type("execute_result")[0]
    assert content["data"] == {"text/x-own": "own", "text/plain": "p"}
    assert content["metadata"] == {"text/x-own": {"wide": True}}


def test_images_carry_their_size_as_metadata(kernel):
    cell = kernel.execute(
        "from IPython.display import Image, display\n"
        "display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + b'0' * 16, format='png', width=7, height=9))"
    )
    content = cell.of_type("display_data")[0]
    assert content["metadata"]["image/png"] == {"width": 7, "height": 9}


def test_a_display_id_can_be_updated_from_its_own_and_from_a_later_cell(kernel):
    cell = kernel.execute(
        "from IPython.display import display\nhandle = display('first', display_id='did')\n"
        "handle.update('second')"
    )
    shown = cell.of_type("display_data", "update_display_data")
    assert [c["transient"] for c in shown] == [{"display_id": "did"}] * 2
    later = kernel.execute("handle.update('third')")
    update = later.of_type("update_display_data")[0]
    assert update["data"]["text/plain"] == "'third'"
    assert update["transient"] == {"display_id": "did"}


def test_display_without_an_id_has_empty_transient(kernel):
    cell = kernel.execute("from IPython.display import display; display(1)")
    assert cell.of_type("display_data") == [{"data": {"text/plain": "1"}, "metadata": {}, "transient": {}}]


@pytest.mark.parametrize("wait", [True, False])
def test_clear_output(kernel, wait):
    cell = kernel.execute(
        f"from IPython.display import clear_output\nprint('gone')\nclear_output(wait={wait})\nprint('kept')"
    )
    kinds = [m["header"]["msg_type"] for m in cell.iopub]
    assert kinds == ["status", "execute_input", "stream", "clear_output", "stream", "status"]
    assert cell.of_type("clear_output") == [{"wait": wait}]


def test_figures_show_inline_at_the_end_of_the_cell(kernel):
    cell = kernel.execute("import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.title('t');", timeout=60)
    figure = cell.of_type("display_data")[0]
    assert base64.b64decode(figure["data"]["image/png"]).startswith(b"\x89PNG")
    assert figure["data"]["text/plain"].startswith("<Figure size")
    assert kernel.execute("plt.get_fignums()").result == "[]"


def test_the_inline_backend_is_the_default_and_can_be_configured(kernel):
    cell = kernel.execute("import matplotlib; matplotlib.get_backend()", timeout=60)
    assert "inline" in cell.result
    cell = kernel.execute(
        "%matplotlib inline\n%config InlineBackend.figure_format = 'svg'\n"
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        timeout=60,
    )
    assert "image/svg+xml" in cell.of_type("display_data")[0]["data"]
    kernel.execute("%config InlineBackend.figure_format = 'png'")


def test_a_figure_of_a_failing_cell_is_still_shown(kernel):
    cell = kernel.execute("import matplotlib.pyplot as plt\nplt.plot([1, 2])\n1 / 0", timeout=60)
    assert cell.content["ename"] == "ZeroDivisionError"
    assert kernel.execute("plt.get_fignums()").result == "[]"


def test_pandas_frames_come_as_html(kernel):
    cell = kernel.execute("import pandas as pd; pd.DataFrame({'column_a': [1, 2]})", timeout=60)
    data = cell.of_type("execute_result")[0]["data"]
    assert "<table" in data["text/html"] and "column_a" in data["text/html"]
    assert "column_a" in data["text/plain"]


def test_progress_bars_of_tqdm_reach_stderr(kernel):
    cell = kernel.execute("from tqdm import tqdm\nfor _ in tqdm(range(3)): pass")
    assert "3/3" in cell.stderr


def test_publishing_binary_buffers_base64_encodes_images_only(kernel):
    cell = kernel.execute(
        "from IPython.display import publish_display_data\n"
        "publish_display_data({'image/png': b'\\x89PNG', 'text/plain': 'p'})"
    )
    assert cell.of_type("display_data")[0]["data"] == {"image/png": "iVBORw==", "text/plain": "p"}


def test_capture_magics_catch_output_and_display(kernel):
    cell = kernel.execute(
        "%%capture caught\nfrom IPython.display import display\nprint('hidden')\ndisplay('shown?')\n5"
    )
    assert cell.of_type("stream", "display_data", "execute_result") == []
    shown = kernel.execute("print(caught.stdout, len(caught.outputs)); caught.show()")
    assert shown.stdout.startswith("hidden\n 2")


def test_display_hooks_registered_by_user_code_see_the_messages(kernel):
    cell = kernel.execute(
        "from IPython.display import display\nhooked = []\npub = get_ipython().display_pub\n"
        "hook = lambda message: hooked.append(message['msg_type'])\n"
        "pub.register_hook(hook)\ndisplay('swallowed')\npub.unregister_hook(hook)\ndisplay('seen')\n"
        "print(hooked)"
    )
    assert cell.stdout == "['display_data']\n"
    assert [c["data"]["text/plain"] for c in cell.of_type("display_data")] == ["'seen'"]
