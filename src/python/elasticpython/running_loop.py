"""The asyncio loop as code of the user's finds it: running, and in a task.

A request is handled outside of the loop, on which the main thread waits between requests (`kernel.py`). Code
in a cell, in a widget's callback or behind a completion may create tasks all the same, is refused
`asyncio.run`, and is told by sniffio and anyio that it is asyncio's.
"""

import threading
from contextlib import contextmanager

from elasticpython.late_imports import import_asyncio

asyncio = import_asyncio()


class RunningLoop:
    """Lets `loop` be seen as running while it is not."""

    def __init__(self, loop):
        self._loop = loop
        self._thread = threading.get_ident()
        self._task = loop.create_task(self._wait(), name="cell")
        # `asyncio.all_tasks()` is for those who wait until all are done.
        asyncio.tasks._unregister_task(self._task)
        self._task._log_destroy_pending = False

    async def _wait(self):
        await self._loop.create_future()

    @contextmanager
    def entered(self):
        """While it is open the loop seems to run a task; where it does run one, nothing changes, nor in
        another thread than the loop's: what is asked by way of the control channel."""
        awaits = asyncio._get_running_loop() is not None  # a cell, and lets comm messages be handled
        if awaits or threading.get_ident() != self._thread:
            yield
            return
        _set(self._loop, self._loop, threading.get_ident(), self._task)
        try:
            yield
        finally:
            _set(self._loop, None, None, None)


@contextmanager
def lent():
    """The loop that the caller's code finds running, which can be run by it meanwhile."""
    running = asyncio._get_running_loop()
    loop = running or asyncio.get_event_loop()
    thread, task = loop._thread_id, asyncio.current_task(loop)
    _set(loop, None, None, None)
    try:
        yield loop
    finally:
        _set(loop, running, thread, task)


def _set(loop, running, thread, task):
    current = asyncio.current_task(loop)
    if current is not None:
        asyncio.tasks._leave_task(loop, current)
    if task is not None:
        asyncio.tasks._enter_task(loop, task)
    loop._thread_id = thread
    asyncio._set_running_loop(running)
