"""The deliberate differences: each is documented, and what ElasticPython leaves out is refused cleanly."""

import re
from pathlib import Path

import pytest
from differences import DIFFERENCES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "kernel.md"


def test_the_document_and_the_table_name_the_same_differences():
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    assert documented == set(DIFFERENCES)


@pytest.mark.differs("subshells")
def test_a_subshell_answers_while_a_cell_runs(own_kernel):
    assert "kernel subshells" in own_kernel.request("kernel_info_request").content["supported_features"]
    created = own_kernel.request("create_subshell_request", channel="control", timeout=5)
    subshell = created.content["subshell_id"]
    busy = own_kernel.submit("import time; time.sleep(1.5)")
    busy.wait_for(lambda c: c.of_type("execute_input"))
    message = own_kernel.session.msg(
        "execute_request", {"code": "6 * 7", "silent": False, "allow_stdin": False}
    )
    message["header"]["subshell_id"] = subshell
    own_kernel.session.send(own_kernel.sockets["shell"], message)
    own_kernel.wait(lambda: own_kernel.children("shell", message["header"]["msg_id"]), 1.2, "the subshell")
    assert not busy.replies


def test_subshell_requests_leave_a_kernel_without_them_alive(kernel):
    for kind in ("create_subshell_request", "list_subshell_request"):
        kernel.send(kind, channel="control")
    kernel.drain(0.1)
    assert kernel.request("kernel_info_request", channel="control", timeout=5).content["status"] == "ok"
    assert kernel.execute("'alive'").result == "'alive'"
