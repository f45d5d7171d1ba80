"""Every deliberate difference between ElasticPython and ipykernel 7, in one table.

`docs/kernel.md` is checked to name each key. A test marked `differs(key)` is expected to fail on the side
named here, and to pass on the other one; should it pass on both, it fails, so that the table stays true.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """One difference: which side does not do what the test asks, and why that is so."""

    side: str
    reason: str


IPYKERNEL = "ipykernel"
OURS = "elasticpython"

DIFFERENCES = {
    "subshells": Difference(
        OURS, "kernel subshells (JEP 91) are not offered; comm messages are served while a cell awaits"
    ),
    "interrupt-while-awaiting": Difference(
        IPYKERNEL, "a cell that awaits is interrupted at once; ipykernel waits for the next message"
    ),
    "output-of-threads": Difference(
        IPYKERNEL, "what a thread prints goes to the cell that started it; ipykernel 7 uses the newest cell"
    ),
    "traceback-of-a-crash": Difference(
        IPYKERNEL,
        "faulthandler.enable() writes to the stderr the kernel was started with; ipykernel's is lost",
    ),
    "every-subscription-welcomed": Difference(
        IPYKERNEL, "each new subscription gets its iopub_welcome; ipykernel greets only the first of a topic"
    ),
    "interrupt-while-debugging": Difference(
        IPYKERNEL, "a cell that was stopped at a breakpoint and goes on can be interrupted"
    ),
    "interrupt-before-the-code": Difference(
        IPYKERNEL, "an interrupt between a cell's announcement and its code ends it; ipykernel can lose it"
    ),
    "history-of-this-session-by-its-number": Difference(
        IPYKERNEL, "a range of the session asked for by number carries that number; ipykernel answers 0"
    ),
    "unflushed-c-output": Difference(
        IPYKERNEL, "lines that C code writes to stdio are seen at once; under ipykernel once it flushes"
    ),
    "surrogates": Difference(
        IPYKERNEL, "lone surrogates are replaced in what is shown; ipykernel loses the whole message"
    ),
    "sent-before-the-error": Difference(
        IPYKERNEL, "a cell sent before its client knew of an error is aborted even where it comes late"
    ),
    "breakpoint": Difference(
        IPYKERNEL, "breakpoint() opens pdb; ipykernel's does nothing unless a client's debugger is attached"
    ),
    "exceptions-without-text": Difference(
        IPYKERNEL, "an exception whose __str__ raises is shown; ipykernel shows what its __str__ raised"
    ),
    "name-of-display-errors": Difference(
        IPYKERNEL, "a __repr__ that raises is reported by the name of its exception; ipykernel says NoneType"
    ),
}


def without_traceback(value):
    """A transcript without tracebacks, where they show lines of the kernel's own source."""
    if isinstance(value, dict):
        return {key: without_traceback(item) for key, item in value.items() if key != "traceback"}
    if isinstance(value, (list, tuple)):
        return [without_traceback(item) for item in value]
    return value


def without_stderr(value):
    """A transcript without what was logged to stderr, where a logger is named after the kernel."""
    kept = [(kind, content) for kind, content in value["iopub"] if content.get("name") != "stderr"]
    return value | {"iopub": kept}


# Differences in single transcripts: the scenario's name, and a function that makes both sides comparable.
TRANSCRIPT_DIFFERENCES = {
    "stdin not allowed": without_traceback,
    "password not allowed": without_traceback,
    "unregistered comm": without_stderr,
}
