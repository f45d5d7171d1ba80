"""The Python half of the kernel: runs cells and answers requests on the main thread.

`Kernel` is made by the C++ half (kernel/run.cpp), which owns the sockets and calls `serve`. The asyncio
loop lives between cells: while nothing is to do, the main thread runs the loop until a message arrives,
and handles it outside of it.
"""

import atexit
import faulthandler
import os
import select
import signal
import sys
from contextlib import contextmanager
from functools import cached_property

from IPython.core import release
from IPython.core.interactiveshell import _asyncio_runner

from elasticpython import application, heir, introspection, known_as, on_import, parents
from elasticpython.interrupts import Interrupts
from elasticpython.late_imports import import_asyncio
from elasticpython.messages import jsonable, text_of
from elasticpython.questions import Questions
from elasticpython.running_loop import RunningLoop, lent
from elasticpython.session import ShellSession
from elasticpython.streams import NotebookStream, shown_already

VERSION = "0.1.0"
asyncio = import_asyncio()
_TASKS_SECONDS = 5.0  # until another look whether tasks of the user's are done
_SETTLED_SECONDS = 1.0  # after the start: the first cell, which often comes at once, is not kept waiting
_BREATH_SECONDS = 0.01  # between two turns of the session's own work, for tasks of the user's
_COMMS = {"comm_open", "comm_msg", "comm_close"}


def _tags_of(metadata: dict) -> list:
    """The cell's tags, as JupyterLab sends them with its other metadata."""
    tags = metadata.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


class Kernel:
    """What `get_ipython().kernel` is. Attributes other than methods of the protocol: shell, server,
    comm_manager."""

    implementation = "elasticpython"

    def __init__(self, server, connection_file: str, collects_garbage=True):
        self.server = server
        self.connection_file = connection_file
        self.banner = (
            f"Python {sys.version}\nElasticPython {VERSION} with IPython {release.version}: "
            "%checkpoint keeps the session, %restore brings it back. Type '?' for help."
        )
        self._handlers = {
            "execute_request": self._execute,
            "history_request": self._history,
            "comm_info_request": self._comm_info,
            "connect_request": self._connect,
            "usage_request": self._usage,
            **dict.fromkeys(_COMMS, self._comm),
        }
        self._questions = Questions(server)
        self.raw_input, self.getpass = self._questions.raw_input, self._questions.getpass
        self._usage_meter = introspection.UsageMeter()
        self._redirect()
        on_import.change("comm", self._take_comms)
        on_import.change("ipykernel.ipkernel", lambda _: self.comm_manager.take_over())
        known_as.answer_for(connection_file)
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self._running_loop = RunningLoop(self.loop)
        self.shell = application.make_shell(self, collects_garbage)
        self.interrupts = Interrupts(self.server)
        self.shell_session = ShellSession(self.shell, self.interrupts.allowed)

    # --- set-up -----------------------------------------------------------------------------------

    def _redirect(self) -> None:
        sys.stdout = NotebookStream(self.server, "stdout", 1)
        sys.stderr = NotebookStream(self.server, "stderr", 2)
        on_import.change("wurlitzer", shown_already)
        parents.follow_threads()
        # A crash cannot be shown in the notebook: the process that would show it is the one that dies.
        original_enable = faulthandler.enable
        faulthandler.enable = lambda file=None, **options: original_enable(
            self.server.original_stderr if file is None else file, **options
        )
        faulthandler.enable()

    def _take_comms(self, _) -> None:
        from elasticpython import comms

        self.comm_manager = comms.CommManager(self)
        self.comm_manager.take_over()

    @cached_property
    def comm_manager(self):
        """The comms of this kernel, once there may be some: the `comm` package is 2 % of a start."""
        import comm  # noqa: F401  which is when they are taken

        return vars(self)["comm_manager"]

    def __getattr__(self, name):
        from elasticpython import kernel_attributes

        return kernel_attributes.attribute(self, name)

    @property
    def handled_types(self) -> list:
        """The request types `handle` answers."""
        return list(self._handlers)

    def kernel_info(self) -> dict:
        """The content of kernel_info_reply."""
        return introspection.kernel_info(self.implementation, VERSION, self.banner)

    # --- the main loop ----------------------------------------------------------------------------

    def serve(self) -> None:
        """Handles requests until the kernel stops; tasks of the user's run in between."""
        self.loop.add_reader(self.server.wake_descriptor, self.loop.stop)
        self.loop.call_later(_SETTLED_SECONDS, heir.look_ahead)
        breath = None
        while not self.server.stopping:
            self._run_loop()
            if breath is not None:
                breath.cancel()  # one that is left over would stop the loop under a cell that awaits
            while not self.server.stopping and self.server.handle_next():
                self.loop.call_soon(self.loop.stop)
                self._run_loop()
            pause = self._spend_idle_time()
            breath = None if pause is None else self.loop.call_later(pause, self.loop.stop)

    def _spend_idle_time(self) -> float | None:
        """Does a little of what could wait; returns the seconds until there is more, if no message comes."""
        try:
            if not self.shell_session.idle(self.server.wake_descriptor):
                return _BREATH_SECONDS
        except Exception as error:  # ours: the cells to come are run all the same
            self._log(f"while idle: {type(error).__name__}: {error}")
            return None
        left = self.shell_session.seconds_to_store()
        if left is None or left > 0:
            return left
        if asyncio.all_tasks(self.loop):  # of the user's, which would stand still meanwhile
            return _TASKS_SECONDS
        self.server.expect_interrupt()
        try:
            self.shell_session.store_while_idle(self._is_wanted)
        except Exception as error:
            self._log(f"no checkpoint while idle: {error}")
        finally:
            self.server.forget_interrupt()
        return self.shell_session.seconds_to_store()

    def _is_wanted(self) -> bool:
        return self.server.stopping or bool(select.select([self.server.wake_descriptor], [], [], 0)[0])

    def _log(self, text: str) -> None:
        os.write(self.server.original_stderr, f"elasticpython: {text}\n".encode())

    def _run_loop(self) -> None:
        try:
            self.loop.run_forever()
        except BaseException:  # a task of the user's called sys.exit(): that ends the task
            sys.excepthook(*sys.exc_info())

    @contextmanager
    def _serving_comms(self):
        """While a cell runs, comm messages are served whenever it lets the loop run, and nothing else is."""
        descriptor = self.server.wake_descriptor
        self.loop.add_reader(descriptor, self.server.handle_waiting_comms)
        try:
            yield
        finally:
            self.loop.add_reader(descriptor, self.loop.stop)

    def handle(self, request) -> dict:
        """Answers `request`: the content of the reply."""
        with self._running_loop.entered():
            return self._handlers[request.type](request)

    def going_down(self, restart: bool) -> None:
        """The last thing before the kernel stops: the automatic checkpoint."""
        try:
            self.shell_session.going_down()
        except Exception as error:
            self._log(f"no automatic checkpoint: {error}")

    def exit_soon(self) -> None:
        """Stops the kernel once the running cell has been answered."""
        self.loop.call_later(0.1, self.server.request_stop)

    def close(self) -> None:
        """Runs what was registered with atexit."""
        self.going_down(False)  # `exit` and `quit` come here without a request
        self.shell.history_manager.hurry()
        atexit._run_exitfuncs()
        sys.stdout.flush()

    # --- cells ------------------------------------------------------------------------------------

    def _execute(self, request) -> dict:
        content = request.content
        code, silent = content.get("code", ""), content.get("silent", False)
        store_history = content.get("store_history", True) and not silent
        self._enter(request)
        shell = self.shell
        if not silent:
            self.server.publish(
                "execute_input",
                jsonable({"code": code, "execution_count": shell.execution_count}),
                parent=request,
            )
        metadata = request.metadata or {}
        if store_history:
            self._announce_checkpoint(code)
        with self._questions.allowed(content.get("allow_stdin", True)):
            try:
                result = self._run_cell(
                    code,
                    _tags_of(metadata),
                    silent=silent,
                    store_history=store_history,
                    cell_id=metadata.get("cellId"),
                )
                error = result.error_before_exec or result.error_in_exec or shell.display_error
            except BaseException as raised:  # struck between the user's code and ours: an interrupt
                shell.showtraceback((type(raised), raised, None))
                error = raised
        if store_history and error is not None:
            shell.remember_struck_cell(code)
        self.server.drain_output()
        return self._execute_reply(content, error)

    def _announce_checkpoint(self, code: str) -> None:
        for line in filter(None, (self.shell_session.announcement(code), self.shell_session.damage())):
            self.server.publish(
                "display_data",
                {"data": {"text/plain": line}, "metadata": {}, "transient": {}},
                parent=parents.current(),
            )

    def _enter(self, request) -> None:
        parents.set_current(request)
        self.server.set_cell(request)

    def _execute_reply(self, content: dict, error) -> dict:
        shell = self.shell
        reply = {
            "status": "ok" if error is None else "error",
            "execution_count": shell.execution_count - 1,
            "user_expressions": {},
        }
        if error is None:
            expressions = content.get("user_expressions") or {}
            if expressions:
                self.shell_session.load_rest()
            reply["user_expressions"] = shell.user_expressions(expressions)
        else:
            reply.update(ename=type(error).__name__, evalue=text_of(error))
            reply["traceback"] = shell.last_traceback or []
        reply["payload"] = shell.payload_manager.read_payload()
        shell.payload_manager.clear_payload()
        return jsonable(reply)

    def _run_cell(self, code, tags, **options):
        shell = self.shell
        transformed, problem = code, None
        try:
            transformed = shell.transform_next_cell(code)
        except Exception:
            problem = sys.exc_info()
        awaits = shell.should_run_async(code, transformed_cell=transformed, preprocessing_exc_tuple=problem)
        awaits = awaits and shell.loop_runner is _asyncio_runner  # not what `%autoawait trio` chose
        with (
            self._serving_comms(),
            self.shell_session.cell(
                code, transformed, silent=options["silent"], cell_id=options["cell_id"], tags=tags
            ) as running,
        ):
            if awaits:
                result = self._run_async(
                    shell.run_cell_async(
                        code, transformed_cell=transformed, preprocessing_exc_tuple=problem, **options
                    ),
                    options["silent"],
                )
            else:
                with self.interrupts.allowed():
                    result = shell.run_cell(code, **options)
            running.ended(result.error_before_exec or result.error_in_exec)
            return result

    def _run_async(self, coroutine, silent: bool):
        """Runs a cell with `await` on the loop. An interrupt cancels it; a second one raises where it
        stands."""
        task = self.loop.create_task(coroutine)
        self.loop.call_soon(self.server.handle_waiting_comms)  # those that came before the cell began

        def cancel(signal_number, frame):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.loop.call_soon_threadsafe(task.cancel)

        result = None
        try:
            with lent(), self.interrupts.allowed():
                handler = signal.signal(signal.SIGINT, cancel)
                try:
                    result = self.loop.run_until_complete(task)
                finally:
                    signal.signal(signal.SIGINT, handler)
        finally:
            self.shell.events.trigger("post_execute")
            if not silent:
                self.shell.events.trigger("post_run_cell", result)
        return result

    def start_debugpy(self, host: str, python: str) -> dict:
        """Makes debugpy listen, on the main thread; `port` of the answer says where."""
        from elasticpython import debugging

        self.shell_session.load_rest()
        try:
            return {"status": "ok", "port": debugging.start(host, python)}
        except Exception as error:
            return {"status": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": []}

    # --- the other requests -----------------------------------------------------------------------

    def complete(self, code: str, cursor_pos: int) -> dict:
        """The content of complete_reply. `cursor_pos` counts characters; -1: the end."""
        self.shell_session.load_rest()
        with parents.within(self.server.asked), self._running_loop.entered():
            return introspection.complete(self.shell, code, cursor_pos)

    def inspect(self, code: str, cursor_pos: int, detail_level: int) -> dict:
        """The content of inspect_reply."""
        self.shell_session.load_rest()
        with parents.within(self.server.asked), self._running_loop.entered():
            return introspection.inspect(self.shell, code, cursor_pos, detail_level)

    def is_complete(self, code: str) -> dict:
        """The content of is_complete_reply."""
        return introspection.is_complete(self.shell, code)

    def _history(self, request) -> dict:
        return introspection.history(self.shell, request.content)

    def _comm_info(self, request) -> dict:
        target = request.content.get("target_name")
        comms_of = {
            key: {"target_name": comm.target_name}
            for key, comm in self.comm_manager.comms.items()
            if not target or comm.target_name == target
        }
        return jsonable({"status": "ok", "comms": comms_of})

    def _comm(self, request) -> dict:
        self._enter(request)
        self.shell_session.load_rest()
        try:
            with self.interrupts.allowed(in_a_cell=True):
                getattr(self.comm_manager, request.type)(None, None, request.message)
        except KeyboardInterrupt:
            self._log(f"{request.type}: KeyboardInterrupt")
        return {"status": "ok"}

    def _connect(self, request) -> dict:
        import json

        with open(self.connection_file) as file:
            ports = json.load(file)
        return {
            "status": "ok",
            **{name: ports[name] for name in ports if name.endswith("_port")},
        }

    def _usage(self, request) -> dict:
        return self._usage_meter.read()

    def get_parent(self, channel: str = "shell") -> dict:
        """The request whose cell the caller's output belongs to, as a message."""
        return parents.as_message(parents.current())
