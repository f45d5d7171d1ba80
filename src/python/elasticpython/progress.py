"""What a checkpoint or a restore that takes longer shows meanwhile: bytes, rate, time left."""

import time
import uuid

from elasticpython.reports import describe_bytes, describe_seconds

AFTER = 1.0  # seconds: what is done by then needs no display
EVERY = 0.25
RATED = 1 << 20  # bytes: of fewer than these no rate can be told, the time goes into something else


class Progress:
    """One display, updated in place. Called with the bytes done and their total; `end` shows the last line.

    `publisher` is the shell's display publisher as it is now, since the shell's own is captured meanwhile.
    """

    def __init__(self, publisher, what, clock=time.monotonic, silent=False):
        self._publisher = publisher
        self._what = what
        self._clock = clock
        self._silent = silent
        self._begun = self._shown_at = clock()
        self._display_id = None
        self._done = 0

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        self._done = done
        if self._silent or now - self._begun < AFTER or now - self._shown_at < EVERY:
            return
        self._shown_at = now
        text = f"{self._what}: {describe_bytes(done)} of {describe_bytes(total)}"
        if done >= RATED:
            rate = done / (now - self._begun)
            left = describe_seconds(max(0.0, (total - done) / rate))
            text += f", {describe_bytes(int(rate))}/s, {left} left"
        self._show(text)

    def waits(self) -> None:
        """While somebody else is waited for: rate and time begin afterwards."""
        self._begun = self._shown_at = self._clock()

    def runs(self, cell: int, number: int, count: int, left: float) -> None:
        """Before a cell runs again, since nothing is called while it does; `left` is what is expected."""
        now = self._clock()
        if now - self._begun + left < AFTER or self._display_id and now - self._shown_at < EVERY:
            return
        self._shown_at = now
        self._show(
            f"{self._what}: cell execution {cell} runs again, {number} of {count}, "
            f"about {describe_seconds(left)} left"
        )

    def end(self, how: str) -> None:
        """Says how it ended, where anything was shown before."""
        if self._display_id is None:
            return
        took = describe_seconds(self._clock() - self._begun)
        read = f"{describe_bytes(self._done)} " if self._done else ""
        self._show(f"{self._what}: {read}in {took}, {how}")

    def _show(self, text: str) -> None:
        update = self._display_id is not None
        self._display_id = self._display_id or uuid.uuid4().hex
        self._publisher.publish(
            data={"text/plain": text}, metadata={}, transient={"display_id": self._display_id}, update=update
        )
