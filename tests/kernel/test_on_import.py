"""Modules of other people's that the kernel changes are the changed ones for whoever imports them first."""

import pytest

INTERRUPTIBLE = (
    "import pdb, IPython.core.debugger as debugger\n"
    "[pdb.Pdb is debugger.Pdb is debugger.InterruptiblePdb, pdb.set_trace is debugger.set_trace]"
)


@pytest.mark.parametrize(
    "first",
    [
        "import pdb",
        "from pdb import Pdb, set_trace",
        "import IPython.core.debugger",
        "import doctest",  # imports pdb
        "import importlib; importlib.import_module('pdb')",
        "import threading\n"
        "names = ['pdb', 'IPython.core.debugger'] * 4\n"
        "threads = [threading.Thread(target=__import__, args=(name,)) for name in names]\n"
        "for each in threads: each.start()\n"
        "for each in threads: each.join()",
    ],
)
def test_pdb_can_be_interrupted_whatever_imports_it(own_kernel, first):
    assert own_kernel.execute(first).content["status"] == "ok"
    assert own_kernel.execute(INTERRUPTIBLE).result == "[True, True]"


@pytest.mark.parametrize(
    "first",
    [
        "import comm; made = comm.create_comm",
        "from comm import create_comm as made",
        "import comm.base_comm, comm; made = comm.create_comm",
        "from ipykernel.comm import Comm as made",
        "from ipykernel.comm import *; made = Comm",
        "import ipywidgets; made = ipywidgets.widgets.widget.comm.create_comm",
        "manager = get_ipython().kernel.comm_manager; import comm; made = comm.create_comm",
    ],
)
def test_comms_are_the_kernels_whatever_imports_them(own_kernel, first):
    assert own_kernel.execute(first).content["status"] == "ok"
    code = "import comm\nopened = made(target_name='nobody')\nopened.comm_id in comm.get_comm_manager().comms"
    assert own_kernel.execute(code).result == "True"
    managers = "comm.get_comm_manager() is get_ipython().kernel.comm_manager"
    assert own_kernel.execute(managers).result == "True"


def test_a_changed_module_knows_its_own_loader(own_kernel):
    code = (
        "import inspect, pdb, comm, string\n"
        "[type(each.__loader__) is type(each.__spec__.loader) is type(string.__loader__)"
        " and inspect.getsource(each) != '' for each in (pdb, comm)]"
    )
    assert own_kernel.execute(code).result == "[True, True]"


def test_pipes_to_what_is_shown_already_are_not_laid(launch, own_door, tmp_path):
    kernel = launch(own_door)
    (tmp_path / "wurlitzer.py").write_text("def sys_pipes(): raise ValueError('they are the same')\n")
    cell = kernel.execute(
        f"import os, sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom wurlitzer import sys_pipes\n"
        "with sys_pipes(): os.system('echo from C')"
    )
    assert cell.content["status"] == "ok" and cell.stdout == "from C\n"
    kernel.stop()


def test_a_module_that_is_not_there_is_not_found(own_kernel):
    code = "import sys\nsys.modules.pop('comm', None)\nsys.path[:] = []\nimport comm"
    assert own_kernel.execute(code).content["ename"] == "ModuleNotFoundError"
