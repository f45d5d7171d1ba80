"""IPython's shell, displaying into a notebook through the kernel's server."""

import os
import threading

from IPython.core import page
from IPython.core.autocall import ZMQExitAutocall
from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.events import EventManager, available_events
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell, InteractiveShellABC
from traitlets import Any, Bool, CBool, Instance, Type, default, observe

from elasticpython import _core, parents
from elasticpython.interrupts import held
from elasticpython.known_as import known_as
from elasticpython.messages import jsonable, text_of


_GATHER_SECONDS = 0.1  # what a crash can take from the history


class _Hooked:
    """Per-thread functions that see a message before it is published, and may keep it (Output widgets)."""

    def __init__(self):
        self._local = threading.local()

    def hooks(self) -> list:
        if not hasattr(self._local, "hooks"):
            self._local.hooks = []
        return self._local.hooks

    def publish(self, server, msg_type: str, content: dict) -> None:
        parent = parents.current()
        message = {
            "header": {"msg_type": msg_type},
            "msg_type": msg_type,
            "content": content,
            "metadata": {},
            "parent_header": parent.header if parent else {},
        }
        for hook in self.hooks():
            message = hook(message)
            if message is None:
                return
        server.publish(msg_type, message["content"], parent=parent)


class NotebookDisplayHook(DisplayHook):
    """`execute_result` messages for the value of a cell's last expression."""

    server = Any()
    _content = None

    @property
    def is_displaying(self) -> bool:
        return self._content is not None

    def start_displayhook(self):
        self._content = {"data": {}, "metadata": {}}

    def write_output_prompt(self):
        self._content["execution_count"] = self.prompt_count

    def write_format_data(self, format_dict, md_dict=None):
        self._content["data"] = jsonable(format_dict)
        self._content["metadata"] = jsonable(md_dict or {})

    def finish_displayhook(self):
        content, self._content = self._content, None
        if content["data"]:
            self.hooked.publish(self.server, "execute_result", content)

    hooked = Any()

    @default("hooked")
    def _default_hooked(self):
        return _Hooked()

    def register_hook(self, hook):
        """Lets `hook(message)` see every result of this thread; it returns the message, or None to keep
        it."""
        self.hooked.hooks().append(hook)

    def unregister_hook(self, hook) -> bool:
        return _remove(self.hooked.hooks(), hook)


@known_as("ZMQDisplayPublisher")
class NotebookDisplayPublisher(DisplayPublisher):
    """`display_data`, `update_display_data` and `clear_output` messages."""

    server = Any()
    store_display_history = Bool(False, help="Store display outputs in the history manager.").tag(config=True)
    hooked = Any()

    @default("hooked")
    def _default_hooked(self):
        return _Hooked()

    def publish(self, data, metadata=None, *, transient=None, update=False, **_):
        self._validate_data(data, metadata)
        if self.store_display_history and hasattr(self.shell.history_manager, "outputs"):
            from IPython.core.history import HistoryOutput  # Debian's IPython has neither

            cell = self.shell.execution_count - bool(self._in_post_execute)
            self.shell.history_manager.outputs[cell].append(HistoryOutput("display_data", data))
        content = {
            "data": jsonable(data),
            "metadata": jsonable(metadata or {}),
            "transient": jsonable(transient or {}),
        }
        self.hooked.publish(self.server, "update_display_data" if update else "display_data", content)

    def clear_output(self, wait=False):
        self.hooked.publish(self.server, "clear_output", {"wait": bool(wait)})

    def register_hook(self, hook):
        """Lets `hook(message)` see every display of this thread; it returns the message, or None to keep
        it."""
        self.hooked.hooks().append(hook)

    def unregister_hook(self, hook) -> bool:
        return _remove(self.hooked.hooks(), hook)


def _remove(hooks: list, hook) -> bool:
    if hook not in hooks:
        return False
    hooks.remove(hook)
    return True


class CellCompiler(CachingCompiler):
    """Compiles a cell under the file name at which the debugger's clients set their breakpoints."""

    def get_code_name(self, raw_code, transformed_code, number):
        return _core.kernel.cell_file_name(raw_code)


class CellEvents(EventManager):
    """IPython's events, but an interrupt that comes before the cell's code runs ends the cell: IPython takes
    it for an error of the callback that it happened to strike, and runs the cell all the same."""

    def trigger(self, event, *arguments, **keywords):
        if not event.startswith("pre_"):
            return super().trigger(event, *arguments, **keywords)
        for callback in self.callbacks[event][:]:
            try:
                callback(*arguments, **keywords)
            except Exception:
                print(
                    f"Error in callback {callback} (for {event}), with arguments "
                    f"args {arguments},kwargs {keywords}:"
                )
                self.shell.showtraceback()


@known_as("HistoryManager")
class CellHistory(HistoryManager):
    """IPython's history, whose lock no interrupt leaves taken: the next cell would wait for it for ever.

    Its thread gathers for a moment what it then writes at once: a transaction for every cell costs more than
    a short cell does, and holds up the next one.
    """

    _is_new = False  # the database, which no other session has written to

    def __init__(self, *arguments, **keywords):
        self._hurries = threading.Event()
        super().__init__(*arguments, **keywords)
        if self._is_new:
            self.db.execute("PRAGMA synchronous=FULL")

    @observe("db")
    def _begin_tables(self, change):
        """Begins the transaction that `init_db` ends, for all tables of a new database: by default each has
        one of its own. None waits for the disk, nor does the number of the first session: the first cell
        that is written down has it all synced, and there is nothing before it that a crash could take."""
        if self.enabled and change["new"].execute("PRAGMA schema_version").fetchone() == (0,):
            self._is_new = True
            change["new"].execute("PRAGMA synchronous=OFF")
            change["new"].execute("BEGIN IMMEDIATE")

    def writeout_cache(self, conn=None):
        if threading.current_thread() is self.save_thread:
            self._hurries.wait(_GATHER_SECONDS)
        super().writeout_cache(conn)

    def hurry(self):
        """From now on, let nobody wait for what is to be written: the kernel is ending."""
        self._hurries.set()

    def store_inputs(self, *arguments, **keywords):
        with held():
            super().store_inputs(*arguments, **keywords)

    def store_output(self, *arguments, **keywords):
        with held():
            super().store_output(*arguments, **keywords)


class _LateCompleter:
    """`shell.Completer`, made when it is first looked at: making it and importing what it needs is 3 % of a
    kernel's start. From then on the shell's own attribute goes before this one."""

    def __get__(self, shell, owner=None):
        if shell is None:
            return self
        InteractiveShell.init_completer(shell)
        return vars(shell)["Completer"]


@known_as("ZMQInteractiveShell", "ipykernel.zmqshell")
class NotebookShell(InteractiveShell):
    """The shell behind the kernel: what a cell, a magic and `get_ipython()` talk to."""

    displayhook_class = Type(NotebookDisplayHook)
    display_pub_class = Type(NotebookDisplayPublisher)
    compiler_class = Type(CellCompiler)
    kernel = Any()
    autoindent = CBool(False)
    exiter = Instance(ZMQExitAutocall)
    keepkernel_on_exit = None
    last_traceback = None
    display_error = None  # raised by a value's __repr__ after the cell itself went well
    Completer = _LateCompleter()
    startup_left_code = True  # functions of the user's, from before the first cell, or what may be some
    shows_completer = False  # among the configurables: from when code of the user's first runs
    _transformed = None, None  # the cell that is about to run, and what the transformers made of it

    @default("exiter")
    def _default_exiter(self):
        return ZMQExitAutocall(self)

    @default("banner1")
    def _default_banner1(self):
        return self.kernel.banner

    @property
    def configurables(self) -> list:
        """What `%config` can set."""
        if self.shows_completer:
            self.Completer  # puts itself there
        return self._configurables

    @configurables.setter
    def configurables(self, configurables):
        self._configurables = configurables

    def init_completer(self):
        """Nothing yet: see _LateCompleter."""

    def init_display_pub(self):
        super().init_display_pub()
        self.display_pub.server = self.kernel.server

    def init_displayhook(self):
        super().init_displayhook()
        self.displayhook.server = self.kernel.server

    def init_events(self):
        super().init_events()
        callbacks = self.events.callbacks
        self.events = CellEvents(self, available_events)
        self.events.callbacks.update(callbacks)

    def init_history(self):
        self.history_manager = CellHistory(shell=self, parent=self)
        self.configurables.append(self.history_manager)

    def init_environment(self):
        # As under ipykernel: child processes colour their output and never page it.
        os.environ.update(
            TERM="xterm-color",
            CLICOLOR="1",
            FORCE_COLOR="1",
            CLICOLOR_FORCE="1",
            PAGER="cat",
            GIT_PAGER="cat",
        )

    def init_user_ns(self):
        super().init_user_ns()
        if session := os.environ.get("JPY_SESSION_NAME"):  # the notebook's path, as under ipykernel
            self.user_ns["__session__"] = self.user_ns_hidden["__session__"] = session

    def init_hooks(self):
        super().init_hooks()
        self.set_hook("show_in_pager", page.as_hook(self._page), 99)

    def init_magics(self):
        super().init_magics()
        from elasticpython import session_magics
        from elasticpython.magics import KernelMagics

        self.register_magics(KernelMagics)
        session_magics.register(self)
        self.magics_manager.register_alias("ed", "edit")

    def _page(self, text, start=0, screen_lines=0, pager_cmd=None):
        data = text if isinstance(text, dict) else {"text/plain": text}
        self.payload_manager.write_payload({"source": "page", "data": data, "start": max(0, start)})

    def set_next_input(self, text, replace=False):
        self.payload_manager.write_payload({"source": "set_next_input", "text": text, "replace": replace})

    def ask_exit(self):
        self.exit_now = not self.keepkernel_on_exit
        self.payload_manager.write_payload({"source": "ask_exit", "keepkernel": self.keepkernel_on_exit})

    @observe("exit_now")
    def _exit_after_this_cell(self, change):
        if change["new"]:
            self.kernel.exit_soon()

    def enable_gui(self, gui=None):
        if gui not in (None, "inline", "asyncio"):
            from IPython.core.error import UsageError

            raise UsageError(
                f"%gui {gui} needs a display loop, which this kernel does not run; see docs/kernel.md"
            )

    def _showtraceback(self, etype, evalue, stb):
        self.last_traceback = stb
        if self.displayhook.is_displaying:
            self.display_error = evalue
        content = {"ename": etype.__name__, "evalue": text_of(evalue), "traceback": stb}
        self.kernel.server.publish("error", jsonable(content), parent=parents.current())

    def _format_exception_for_storage(self, exception, *args, **kwargs):
        try:
            return super()._format_exception_for_storage(exception, *args, **kwargs)
        except Exception:  # its `__str__`'s, which would take its place
            return {"ename": type(exception).__name__, "evalue": text_of(exception), "traceback": []}

    def transform_cell(self, raw_cell):
        """IPython's. Of a cell the kernel has had transformed, `run_cell` is told what came of it: a
        transformer of the user's sees a cell once."""
        (known, transformed), self._transformed = self._transformed, (None, None)
        return transformed if raw_cell is known else super().transform_cell(raw_cell)

    def transform_next_cell(self, raw_cell):
        """`transform_cell` for the cell that `run_cell` will be called with next."""
        transformed = self.transform_cell(raw_cell)
        self._transformed = raw_cell, transformed
        return transformed

    def run_cell(self, *args, **kwargs):
        self.last_traceback = self.display_error = None
        return super().run_cell(*args, **kwargs)

    async def run_cell_async(self, *args, **kwargs):
        self.last_traceback = self.display_error = None
        return await super().run_cell_async(*args, **kwargs)

    def remember_struck_cell(self, raw_cell):
        """Stores a cell that was interrupted when it had its number but no place in the history yet: the
        cells after it would stand one place before their number."""
        if len(self.history_manager.input_hist_parsed) < self.execution_count:
            self.history_manager.store_inputs(self.execution_count - 1, raw_cell, raw_cell)

    # What widgets and other libraries use to say whose output they make.

    def set_parent(self, parent):
        parents.set_current(parents.request_of(parent))

    def get_parent(self) -> dict:
        return self.kernel.get_parent("shell")

    @property
    def parent_header(self) -> dict:
        return self.get_parent()


InteractiveShellABC.register(NotebookShell)
