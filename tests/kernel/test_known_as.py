"""Libraries that ask whether they are in a notebook are told what ipykernel tells them."""

import pytest

# As libraries ask, and people who paste the first answer that they find.
QUESTIONS = {
    "class": "get_ipython().__class__.__name__ == 'ZMQInteractiveShell'",
    "its text": "'zmq' in str(type(get_ipython())).lower()",
    "its module": "type(get_ipython()).__module__.startswith('ipykernel.')",
    "its repr": "repr(get_ipython()).split(' object')[0]",
    "loaded modules": "import sys\n'ipykernel.zmqshell' in sys.modules",
    "instance": (
        "from ipykernel.zmqshell import ZMQInteractiveShell\nisinstance(get_ipython(), ZMQInteractiveShell)"
    ),
    "loaded package": "import sys\n'ipykernel' in sys.modules",
    "version": "import ipykernel, importlib.metadata as it\nipykernel.__version__ == it.version('ipykernel')",
    "publisher": (
        "from ipykernel.zmqshell import ZMQDisplayPublisher\n"
        "isinstance(get_ipython().display_pub, ZMQDisplayPublisher)"
    ),
    "module of the package": "import ipykernel.connect as it\nimport ipykernel\nipykernel.connect is it",
    "what else is in the package": "import ipykernel\nhasattr(ipykernel, 'nothing')",
    "what else is there": "from ipykernel.zmqshell import KernelMagics as it\nit.__name__",
    "what is not": "import ipykernel.zmqshell as it\nhasattr(it, 'nothing')",
    "application": "'IPKernelApp' in get_ipython().config",
    "application's class": (
        "from ipykernel.kernelapp import IPKernelApp\n"
        "IPKernelApp.initialized() and IPKernelApp.instance().kernel is get_ipython().kernel"
    ),
    "comms after all of ipykernel": (
        "import comm, ipykernel.ipkernel, ipykernel.comm.manager\n"
        "comm.get_comm_manager() is get_ipython().kernel.comm_manager"
    ),
    "stream": "import sys\nfrom ipykernel.iostream import OutStream\nisinstance(sys.stderr, OutStream)",
    "stream's module": "import sys\ntype(sys.stdout).__module__.startswith('ipykernel.')",
    "stream's name": "import sys\nsys.stdout.name",
    "connection file": (
        "import ipykernel\n"
        "ipykernel.get_connection_file() == get_ipython().config['IPKernelApp']['connection_file']"
    ),
    "connection": "from ipykernel.connect import get_connection_info\n'shell_port' in get_connection_info()",
    "another's connection file": (
        "import ipykernel.connect as connect\n"
        "from types import SimpleNamespace as App\n"
        "connect.get_connection_file(App(connection_file='/etc/passwd', connection_dir='/')) == '/etc/passwd'"
    ),
    "pandas": "from pandas.io.formats.console import in_ipython_frontend\nin_ipython_frontend()",
}
ANSWERS = {
    "what else is there": "'KernelMagics'",
    "what else is in the package": "False",
    "what is not": "False",
    "stream's name": "'stdout'",
    "its repr": "'<ipykernel.zmqshell.ZMQInteractiveShell'",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_answers(kernel, question):
    assert kernel.execute(QUESTIONS[question]).result == ANSWERS.get(question, "True")


def test_a_wide_frame_is_broken_as_under_ipykernel(kernel):
    frame = "pd.DataFrame({'column %d' % i: [i] for i in range(12)})"
    code = f"import pandas as pd\nlen(repr({frame}).splitlines())"
    assert int(kernel.execute(code).result) > 2


def test_the_shell_is_inspected_as_any_object(kernel):
    kernel.execute("shell = get_ipython()")
    content = kernel.request("inspect_request", {"code": "shell.run_line_magic", "cursor_pos": 20}).content
    assert content["found"] and "Execute the given line magic" in content["data"]["text/plain"]
    content = kernel.request("complete_request", {"code": "shell.run_ce", "cursor_pos": 12}).content
    assert any(match.endswith("run_cell") for match in content["matches"])
    assert kernel.execute("get_ipython?").content["status"] == "ok"


def test_configuration_files_for_ipykernel_are_applied(door, launch, tmp_path):
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_kernel_config.py").write_text(
        "c.IPKernelApp.exec_lines = ['configured = 6 * 7']\n"
        "c.ZMQInteractiveShell.ast_node_interactivity = 'all'\n"
    )
    kernel = launch(door, environment={"IPYTHONDIR": str(tmp_path / "ipython")})
    exchange = kernel.execute("configured\n'last'")
    results = [content["data"]["text/plain"] for content in exchange.of_type("execute_result")]
    assert results == ["42", "'last'"]
    kernel.stop()
