"""Normalised message sequences, so that two kernels can be compared word for word.

What differs between any two runs is masked (ids, dates, paths, addresses, counters), and what a kernel is
free to choose is made uniform: how it cuts a stream into messages, and how the two streams interleave between
other messages.
"""

import re

from client import plain

MASKS = [
    (re.compile(r"In\[\d+\]"), "In[#]"),
    (re.compile(r"In \[\d+\]"), "In [#]"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0x#"),
    (re.compile(r"/tmp/[\w.-]*(ipykernel|xpython|elasticpython)[\w.-]*/\d+\.py"), "<cell file>"),
    (re.compile(r"[\w/.-]*/(ipykernel\d*|elasticpython\d*|elasticpython-embedded\d*)/home"), "<home>"),
    (re.compile(r"\b(IPY_MODEL_)?[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{24}_\d+_\d+\b"), "<message id>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"(Wall time|CPU times).*"), r"\1 #"),
    (re.compile(r"\d+(\.\d+)? [nµum]?s ± .*"), "# per loop"),
    (re.compile(r"<cell line: \d+>"), "<cell line>"),
]


def mask(value):
    """A copy of a JSON value with everything replaced that differs from run to run."""
    if isinstance(value, str):
        value = plain(value)
        for pattern, replacement in MASKS:
            value = pattern.sub(replacement, value)
        return value
    if isinstance(value, dict):
        return {
            key: "<count>" if key == "execution_count" else mask(item)
            for key, item in value.items()
            if key not in ("engine_info",)
        }
    if isinstance(value, list):
        return [mask(item) for item in value]
    return value


def merged_streams(messages):
    """Messages as (type, content) with the streams between two other messages merged by name."""
    sequence = []
    pending = {}

    def flush():
        for name in sorted(pending):
            sequence.append(("stream", {"name": name, "text": pending[name]}))
        pending.clear()

    for message in messages:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "stream":
            pending[content["name"]] = pending.get(content["name"], "") + content["text"]
            continue
        flush()
        sequence.append((kind, content))
    flush()
    return sequence


def transcript(exchange):
    """What a client saw of one exchange: iopub in order, the reply, and the questions on stdin."""
    return {
        "iopub": [(kind, mask(content)) for kind, content in merged_streams(exchange.iopub)],
        "reply": [(reply["header"]["msg_type"], mask(reply["content"])) for reply in exchange.replies],
        "stdin": [(m["header"]["msg_type"], mask(m["content"])) for m in exchange.messages("stdin")],
        "buffers": [[len(b) for b in m["buffers"]] for m in exchange.iopub if m["buffers"]],
    }
