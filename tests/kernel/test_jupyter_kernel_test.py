"""The ecosystem's own conformance suite, `jupyter_kernel_test`, with every optional sample filled in.

Its classes are made for unittest and start their kernel by the name of a kernelspec, so there is one pair of
classes for each door, and the kernelspecs are written to a directory of the tests.
"""

import os
import tempfile
from pathlib import Path

import jupyter_kernel_test as jkt
import pytest
from conftest import chosen_doors
from kernelspecs import write_kernelspecs
from launching import DoorMissing, scratch_environment

DOORS = ("elasticpython", "elasticpython-embedded")


@pytest.fixture(scope="module", autouse=True)
def specs(request):
    """Kernelspecs on the Jupyter path, and a scratch home for the kernels, while this module runs."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        for name, value in scratch_environment(Path(home) / "home").items():
            if os.environ.get(name) != value:
                patch.setenv(name, value)
        patch.delenv("PYTEST_CURRENT_TEST", raising=False)
        patch.setenv("JUPYTER_PATH", home)
        try:
            write_kernelspecs(home, [door for door in DOORS if door in chosen_doors(request.config)])
        except DoorMissing as missing:
            pytest.fail(str(missing), pytrace=False)
        yield


class Samples:
    """The samples for Python, none of the optional ones left out."""

    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('test', file=sys.stderr)"
    completion_samples = [
        {"text": "zi", "matches": {"zip"}},
        {"text": "import o"},
        {"text": "[1].appen"},
    ]
    complete_code_samples = ["1", "print('hello, world')", "def f(x):\n  return x*2\n\n\n", "%time 1", "!ls"]
    incomplete_code_samples = ["print('''hello", "def f(x):\n  x*2", "for i in x:", "f(1,"]
    invalid_code_samples = ["import = 7q", "a b", "'unclosed"]
    code_page_something = "zip?"
    code_generate_error = "raise"
    code_execute_result = [
        {"code": "1+2+3", "result": "6"},
        {"code": "[n*n for n in range(1, 4)]", "result": "[1, 4, 9]"},
        {
            "code": "'html' and __import__('IPython').display.HTML('<b>b</b>')",
            "mime": "text/html",
            "result": "<b>b</b>",
        },
    ]
    code_display_data = [
        {
            "code": "from IPython.display import HTML, display; display(HTML('<b>test</b>'))",
            "mime": "text/html",
        },
        {
            "code": "from IPython.display import Math, display; display(Math('\\\\frac{1}{2}'))",
            "mime": "text/latex",
        },
        {"code": "from IPython.display import JSON, display; display(JSON({}))", "mime": "application/json"},
    ]
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"


class TestModuleDoor(Samples, jkt.KernelTests):
    """`python -m elasticpython`."""

    kernel_name = "elasticpython-under-test"


class TestExecutableDoor(Samples, jkt.KernelTests):
    """The executable that embeds CPython."""

    kernel_name = "elasticpython-embedded-under-test"


class TestWelcomeOfModuleDoor(jkt.IopubWelcomeTests):
    """The greeting of a subscription, module door."""

    kernel_name = "elasticpython-under-test"
    support_iopub_welcome = True


class TestWelcomeOfExecutableDoor(jkt.IopubWelcomeTests):
    """The greeting of a subscription, executable door."""

    kernel_name = "elasticpython-embedded-under-test"
    support_iopub_welcome = True


def test_no_optional_sample_is_left_out():
    left_out = [
        name for name, value in vars(jkt.KernelTests).items() if not value and not name.startswith("_")
    ]
    assert [name for name in left_out if not getattr(Samples, name, None)] == []
