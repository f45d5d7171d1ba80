"""Comms (widgets) over the kernel's own sockets, behind the `comm` package that libraries import."""

import comm
import comm.base_comm

from elasticpython import parents
from elasticpython.messages import jsonable


class Comm(comm.base_comm.BaseComm):
    """One end of a conversation with the front end."""

    kernel = None  # the running kernel, for libraries that look there

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        content = {"data": {} if data is None else data, "comm_id": self.comm_id, **keys}
        self.kernel.server.publish(
            msg_type, jsonable(content), jsonable(metadata or {}), buffers, parents.current()
        )


class CommManager(comm.base_comm.CommManager):
    """The comms of this kernel. `kernel` is where older libraries look for it."""

    def __init__(self, kernel):
        super().__init__()
        self.kernel = Comm.kernel = kernel

    def take_over(self) -> None:
        """Makes `comm.create_comm` and `comm.get_comm_manager` those of this kernel."""
        comm.create_comm = Comm
        comm.get_comm_manager = lambda: self
