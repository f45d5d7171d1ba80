"""Comms in both directions, their buffers, and ipywidgets on top of them."""

import pytest

REGISTER = (
    "seen = []\n"
    "def target(comm, opened):\n"
    "    seen.append(('open', opened['content']['data'], [bytes(b) for b in opened['buffers']]))\n"
    "    def message(m):\n"
    "        seen.append(('msg', m['content']['data'], [bytes(b) for b in m['buffers']]))\n"
    "        comm.send({'echo': m['content']['data']}, buffers=m['buffers'])\n"
    "    comm.on_msg(message)\n"
    "    comm.on_close(lambda m: seen.append(('close', m['content']['data'])))\n"
    "get_ipython().kernel.comm_manager.register_target('test_target', target)"
)


def idle(kernel, exchange):
    """Wait for the idle status of a message without a reply."""
    exchange.wait_for(lambda e: "idle" in e.states, what="idle")
    return exchange


def test_the_frontend_opens_sends_and_closes(kernel):
    kernel.execute(REGISTER)
    content = {"comm_id": "front", "target_name": "test_target", "data": {"a": 1}}
    idle(kernel, kernel.send("comm_open", content, buffers=[b"\x00\xff"]))
    sent = idle(
        kernel, kernel.send("comm_msg", {"comm_id": "front", "data": {"b": [2]}}, buffers=[b"abc", b""])
    )
    echo = next(m for m in sent.iopub if m["header"]["msg_type"] == "comm_msg")
    assert echo["content"] == {"comm_id": "front", "data": {"echo": {"b": [2]}}}
    assert [bytes(buffer) for buffer in echo["buffers"]] == [b"abc", b""]
    idle(kernel, kernel.send("comm_close", {"comm_id": "front", "data": {"c": 3}}))
    cell = kernel.execute("seen")
    assert cell.result.replace("\n", "") == str(
        [("open", {"a": 1}, [b"\x00\xff"]), ("msg", {"b": [2]}, [b"abc", b""]), ("close", {"c": 3})]
    )
    assert "front" not in kernel.request("comm_info_request", {}).content["comms"]


def test_comm_messages_are_bracketed_by_busy_and_idle(kernel):
    kernel.execute(REGISTER)
    opened = idle(
        kernel, kernel.send("comm_open", {"comm_id": "brackets", "target_name": "test_target", "data": {}})
    )
    assert opened.states == ["busy", "idle"]


def test_the_kernel_opens_sends_and_closes(kernel):
    cell = kernel.execute(
        "from comm import create_comm\n"
        "comm = create_comm(target_name='front_target', data={'x': 1}, metadata={'m': 2}, "
        "buffers=[b'open'])\n"
        "comm.send({'y': 2}, buffers=[b'\\x01\\x02', bytearray(b'ba'), memoryview(b'mv')])\n"
        "comm.close({'z': 3})"
    )
    messages = [m for m in cell.iopub if m["header"]["msg_type"].startswith("comm_")]
    assert [m["header"]["msg_type"] for m in messages] == ["comm_open", "comm_msg", "comm_close"]
    assert messages[0]["content"]["target_name"] == "front_target"
    assert messages[0]["content"]["data"] == {"x": 1}
    assert messages[0]["metadata"]["m"] == 2
    assert [bytes(b) for b in messages[0]["buffers"]] == [b"open"]
    assert [bytes(b) for b in messages[1]["buffers"]] == [b"\x01\x02", b"ba", b"mv"]
    assert messages[2]["content"]["data"] == {"z": 3}
    assert len({m["content"]["comm_id"] for m in messages}) == 1


def test_a_frontend_answers_a_comm_the_kernel_opened(kernel):
    cell = kernel.execute(
        "from comm import create_comm\nanswers = []\ncomm = create_comm(target_name='front_target', "
        "data={})\n"
        "comm.on_msg(lambda m: answers.append(m['content']['data']))"
    )
    comm_id = cell.of_type("comm_open")[0]["comm_id"]
    idle(kernel, kernel.send("comm_msg", {"comm_id": comm_id, "data": {"answer": 42}}))
    assert kernel.execute("answers").result == "[{'answer': 42}]"
    kernel.execute("comm.close()")


def test_opening_an_unregistered_target_from_the_frontend_is_refused(kernel):
    opened = idle(
        kernel, kernel.send("comm_open", {"comm_id": "nobody", "target_name": "no_such_target", "data": {}})
    )
    assert [c["comm_id"] for c in opened.of_type("comm_close")] == ["nobody"]
    assert "nobody" not in kernel.request("comm_info_request", {}).content["comms"]


def test_a_target_that_raises_closes_its_comm(kernel):
    kernel.execute(
        "def broken(comm, message): raise ValueError('broken target')\n"
        "get_ipython().kernel.comm_manager.register_target('broken_target', broken)"
    )
    opened = idle(
        kernel, kernel.send("comm_open", {"comm_id": "broken", "target_name": "broken_target", "data": {}})
    )
    assert [c["comm_id"] for c in opened.of_type("comm_close")] == ["broken"]
    assert kernel.execute("1").result == "1"


def test_opening_a_comm_from_the_kernel_to_a_target_nobody_registered(kernel):
    cell = kernel.execute(
        "from comm import create_comm\nc = create_comm(target_name='unregistered', data={})\nc.close()"
    )
    assert cell.content["status"] == "ok"
    assert [m for m in ("comm_open", "comm_close") if cell.of_type(m)] == ["comm_open", "comm_close"]


def test_messages_to_comms_that_are_not_there_are_ignored(kernel):
    idle(kernel, kernel.send("comm_msg", {"comm_id": "ghost", "data": {}}))
    idle(kernel, kernel.send("comm_close", {"comm_id": "ghost", "data": {}}))
    assert kernel.execute("1").result == "1"


def test_a_callback_that_raises_or_prints(kernel):
    kernel.execute(
        "def target(comm, opened):\n    def message(m): print('in the callback'); "
        "raise ValueError('callback')\n"
        "    comm.on_msg(message)\nget_ipython().kernel.comm_manager.register_target('noisy', target)"
    )
    idle(kernel, kernel.send("comm_open", {"comm_id": "noisy", "target_name": "noisy", "data": {}}))
    sent = idle(kernel, kernel.send("comm_msg", {"comm_id": "noisy", "data": {}}))
    sent.wait_for(lambda e: "in the callback" in e.stdout, timeout=3)
    assert kernel.execute("1").result == "1"


def test_the_old_ipykernel_comm_class_still_works(kernel):
    cell = kernel.execute(
        "from ipykernel.comm import Comm\nold = Comm(target_name='old_style', data={'k': 1})\nold.close()"
    )
    assert [c["target_name"] for c in cell.of_type("comm_open")] == ["old_style"]


def test_megabytes_of_buffers_go_both_ways(kernel):
    kernel.execute(REGISTER)
    idle(kernel, kernel.send("comm_open", {"comm_id": "big", "target_name": "test_target", "data": {}}))
    payload = bytes(range(256)) * 40_000
    sent = idle(kernel, kernel.send("comm_msg", {"comm_id": "big", "data": {}}, buffers=[payload]))
    echo = next(m for m in sent.iopub if m["header"]["msg_type"] == "comm_msg")
    assert bytes(echo["buffers"][0]) == payload
    kernel.execute("seen.clear()")


# ipywidgets


def test_a_widget_opens_comms_and_displays_its_view(kernel):
    cell = kernel.execute("import ipywidgets as w\nslider = w.IntSlider(value=3, max=20)\nslider", timeout=60)
    opened = cell.of_type("comm_open")
    assert {content["target_name"] for content in opened} == {"jupyter.widget"}
    models = [content["data"]["state"]["_model_name"] for content in opened]
    assert models == ["LayoutModel", "SliderStyleModel", "IntSliderModel"]
    slider = opened[-1]
    assert slider["data"]["state"]["value"] == 3
    open_message = next(m for m in cell.iopub if m["header"]["msg_type"] == "comm_open")
    assert open_message["metadata"]["version"].startswith("2.")
    view = cell.of_type("execute_result")[0]["data"]["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == slider["comm_id"]


def open_widget(kernel, code):
    """Run a cell that makes a widget and return the comm id of the last model it opened."""
    return kernel.execute(code, timeout=60).of_type("comm_open")[-1]["comm_id"]


def test_moving_a_slider_in_the_frontend_changes_its_value_and_calls_observers(kernel):
    comm_id = open_widget(
        kernel,
        "import ipywidgets as w\nmoves = []\nmoved = w.IntSlider(value=3)\n"
        "moved.observe(lambda change: (moves.append(change['new']), print('moved to', "
        "change['new'])), 'value')",
    )
    update = {"method": "update", "state": {"value": 9}, "buffer_paths": []}
    sent = idle(kernel, kernel.send("comm_msg", {"comm_id": comm_id, "data": update}))
    sent.wait_for(lambda e: "moved to 9" in e.stdout, timeout=3)
    assert kernel.execute("moved.value, moves").result == "(9, [9])"


def test_setting_a_value_in_the_kernel_tells_the_frontend(kernel):
    comm_id = open_widget(kernel, "import ipywidgets as w\ntold = w.IntSlider(value=3)")
    cell = kernel.execute("told.value = 7")
    updates = [c for c in cell.of_type("comm_msg") if c["comm_id"] == comm_id]
    assert updates == [
        {"comm_id": comm_id, "data": {"method": "update", "state": {"value": 7}, "buffer_paths": []}}
    ]


def test_request_state_and_request_states_are_answered(kernel):
    comm_id = open_widget(kernel, "import ipywidgets as w\nasked = w.Text(value='state')")
    sent = idle(kernel, kernel.send("comm_msg", {"comm_id": comm_id, "data": {"method": "request_state"}}))
    assert sent.of_type("comm_msg")[0]["data"]["state"]["value"] == "state"
    control = {"comm_id": "widget-control", "target_name": "jupyter.widget.control", "data": {}}
    opened = kernel.send("comm_open", control, metadata={"version": "1.0.0"})
    idle(kernel, opened)
    data = {"method": "request_states"}
    sent = idle(kernel, kernel.send("comm_msg", {"comm_id": "widget-control", "data": data}))
    answer = sent.of_type("comm_msg")[0]["data"]
    assert answer["method"] == "update_states"
    assert answer["states"][comm_id]["state"]["value"] == "state"


def test_a_click_runs_the_callback_and_its_output_belongs_to_the_click(kernel):
    comm_id = open_widget(
        kernel,
        "import ipywidgets as w\nbutton = w.Button(description='press')\n"
        "button.on_click(lambda b: print('pressed', b.description))",
    )
    click = {"method": "custom", "content": {"event": "click"}}
    sent = idle(kernel, kernel.send("comm_msg", {"comm_id": comm_id, "data": click}))
    sent.wait_for(lambda e: "pressed press" in e.stdout, timeout=3)


def test_an_output_widget_captures_by_naming_its_cell(kernel):
    cell = kernel.execute(
        "import ipywidgets as w\nout = w.Output()\nwith out:\n    print('captured')\nprint('outside')",
        timeout=60,
    )
    updates = [c["data"]["state"] for c in cell.of_type("comm_msg") if c["data"]["method"] == "update"]
    assert {"msg_id": cell.id} in updates
    assert updates[-1] == {"msg_id": ""}
    assert cell.stdout == "captured\noutside\n"


def test_an_output_widget_in_a_callback_names_the_message_of_the_callback(kernel):
    comm_id = open_widget(
        kernel,
        "import ipywidgets as w\nout2 = w.Output()\nbutton2 = w.Button()\n"
        "@out2.capture()\ndef pressed(b): print('captured press')\nbutton2.on_click(pressed)\nw.Text()",
    )
    comm_id = kernel.execute("print(button2.comm.comm_id)").stdout.strip() or comm_id
    click = {"method": "custom", "content": {"event": "click"}}
    sent = idle(kernel, kernel.send("comm_msg", {"comm_id": comm_id, "data": click}))
    sent.wait_for(lambda e: "captured press" in e.stdout, timeout=3)
    states = [c["data"].get("state") for c in sent.of_type("comm_msg")]
    assert {"msg_id": sent.id} in states


def test_interact_runs_its_function_again_when_the_slider_moves(kernel):
    cell = kernel.execute(
        "import ipywidgets as w\ncalls = []\n"
        "@w.interact(x=(0, 10))\ndef double(x=2):\n    calls.append(x); print('double is', 2 * x)",
        timeout=60,
    )
    assert "double is 4" in cell.stdout
    slider = next(
        c for c in cell.of_type("comm_open") if c["data"]["state"]["_model_name"] == "IntSliderModel"
    )
    update = {"method": "update", "state": {"value": 5}, "buffer_paths": []}
    sent = idle(kernel, kernel.send("comm_msg", {"comm_id": slider["comm_id"], "data": update}))
    sent.wait_for(lambda e: "double is 10" in e.stdout, timeout=3)
    assert kernel.execute("calls").result == "[2, 5]"


def test_binary_traits_travel_as_buffers(kernel):
    cell = kernel.execute("import ipywidgets as w\nimage = w.Image(value=b'\\x89PNG\\x00')", timeout=60)
    message = [m for m in cell.iopub if m["header"]["msg_type"] == "comm_open"][-1]
    assert message["content"]["data"]["buffer_paths"] == [["value"]]
    assert [bytes(b) for b in message["buffers"]] == [b"\x89PNG\x00"]
    update = {"method": "update", "state": {}, "buffer_paths": [["value"]]}
    comm_id = message["content"]["comm_id"]
    idle(kernel, kernel.send("comm_msg", {"comm_id": comm_id, "data": update}, buffers=[b"new\x00bytes"]))
    assert kernel.execute("bytes(image.value)").result == r"b'new\x00bytes'"


def test_closing_a_widget_closes_its_comm(kernel):
    comm_id = open_widget(kernel, "import ipywidgets as w\nclosing = w.Label('bye')")
    cell = kernel.execute("closing.close()")
    assert comm_id in [c["comm_id"] for c in cell.of_type("comm_close")]


@pytest.mark.parametrize("name", ["kernel", "comm_manager"])
def test_the_parent_api_that_widgets_rely_on(kernel, name):
    code = {
        "kernel": "k = get_ipython().kernel\np = k.get_parent('shell')\n"
        "p['header']['msg_id'] == get_ipython().get_parent()['header']['msg_id'], "
        "get_ipython().parent_header['header']"
        "['msg_id'] == p['header']['msg_id'], p['header']['msg_type']",
        "comm_manager": "import comm\ncomm.get_comm_manager() is get_ipython().kernel.comm_manager",
    }[name]
    cell = kernel.execute(code)
    assert cell.result == {"kernel": "(True, True, 'execute_request')", "comm_manager": "True"}[name]


def test_the_parent_api_can_redirect_output_to_another_cell(kernel):
    first = kernel.execute("shell = get_ipython()\nfirst_parent = shell.get_parent()")
    second = kernel.execute(
        "own = shell.get_parent()\nshell.set_parent(first_parent)\nprint('for the first', flush=True)\n"
        "shell.set_parent(own)\nprint('for the second', flush=True)"
    )
    first.wait_for(lambda c: "for the first" in c.stdout, timeout=3)
    assert second.stdout == "for the second\n"
