"""`get_ipython().kernel` has what libraries use of ipykernel's kernel object."""

import pytest

PUBLISHED = {
    "session": "k.session.send(k.iopub_socket, 'display_data', content, parent=k.get_parent())",
    "session, with a header": (
        "k.session.send(k.iopub_socket, 'display_data', content, parent=k.get_parent()['header'])"
    ),
    "session, a whole message": (
        "k.session.send(k.iopub_socket, k.session.msg('display_data', content, parent=k.get_parent()))"
    ),
    "response": "k.send_response(k.iopub_socket, 'display_data', content)",
}


@pytest.mark.parametrize("how", PUBLISHED)
def test_a_library_publishes(kernel, how):
    cell = kernel.execute(
        f"k = get_ipython().kernel\ncontent = {{'data': {{'text/plain': 'sent'}}, 'metadata': {{}}}}\n"
        f"{PUBLISHED[how]} and None"
    )
    assert [content["data"] for content in cell.of_type("display_data")] == [{"text/plain": "sent"}]


def test_buffers_and_metadata_are_published(kernel):
    cell = kernel.execute(
        "k = get_ipython().kernel\nk.session.send(k.iopub_socket, 'display_data', "
        "{'data': {}, 'metadata': {}}, parent=k.get_parent(), metadata={'a': 1}, buffers=[b'xyz']) and None"
    )
    (message,) = [each for each in cell.iopub if each["header"]["msg_type"] == "display_data"]
    assert message["metadata"] == {"a": 1} and [bytes(each) for each in message["buffers"]] == [b"xyz"]


@pytest.mark.parametrize("where", ["call()", "t = threading.Thread(target=call); t.start(); t.join()"])
def test_the_loop_of_tornado_is_the_kernels(kernel, where):
    kernel.execute(
        "import threading, asyncio\ncalled = []\n"
        f"def call(): get_ipython().kernel.io_loop.add_callback(called.append, 1)\n{where}"
    )
    assert kernel.execute("await asyncio.sleep(0.05)\ncalled").result == "[1]"


SAME = [
    "k.io_loop.asyncio_loop is asyncio.get_running_loop()",
    "k.get_parent()['header']['msg_type'] == k._parent_header['header']['msg_type'] == 'execute_request'",
    "k.language_info['name'] == 'python' and k.eventloop is None and not hasattr(k, 'nothing')",
    "k.parent.connection_file == k.config['IPKernelApp']['connection_file']",
    "k.execution_count == get_ipython().execution_count",
    "isinstance(k.session.key, bytes) and isinstance(k.session.session, str)",
    "k.set_parent([], k.get_parent()) is None",
]


@pytest.mark.parametrize("expression", SAME)
def test_attribute(kernel, expression):
    assert kernel.execute(f"import asyncio\nk = get_ipython().kernel\n{expression}").result == "True"


def test_the_kernels_log_is_not_in_the_notebook(kernel):
    cell = kernel.execute("get_ipython().kernel.log.warning('said to the log')")
    assert (cell.stdout, cell.stderr) == ("", "") and "said to the log" in kernel.process.log


@pytest.mark.parametrize("call", ["poll()", "t = threading.Thread(target=poll); t.start(); t.join()"])
def test_a_cell_lets_comm_messages_be_handled(own_kernel, call):
    """As jupyter_ui_poll does, which puts execute requests off meanwhile and sends them later."""
    if not own_kernel.is_ours:
        pytest.skip("ipykernel needs its locks taken away first")
    own_kernel.execute(
        "import threading, time\nfrom comm import get_comm_manager\nk, got = get_ipython().kernel, []\n"
        "get_comm_manager().register_target('polled', lambda comm, _: comm.on_msg(got.append))\n"
        "def poll():\n    end = time.monotonic() + 10\n"
        "    while not got and time.monotonic() < end: k.do_one_iteration(); time.sleep(0.01)"
    )
    own_kernel.send("comm_open", {"comm_id": "c", "target_name": "polled", "data": {}})
    cell = own_kernel.submit(
        "handler, k.shell_handlers['execute_request'] = k.shell_handlers['execute_request'], None\n"
        f"original = k._parent_ident, k.get_parent()\nprint('go')\n{call}\n"
        "k.set_parent(*original); k.shell_handlers['execute_request'] = handler\nprint('end'); len(got)"
    ).wait_for(lambda each: "go" in each.stdout)
    own_kernel.send("comm_msg", {"comm_id": "c", "data": {}})
    assert (cell.wait().result, cell.stdout) == ("1", "go\nend\n")
