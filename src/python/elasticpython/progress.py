"""What a checkpoint that takes longer shows meanwhile: bytes, rate, time left."""

import time
import uuid

from elasticpython.reports import describe_bytes, describe_seconds

AFTER = 1.0  # seconds: what is done by then needs no display
EVERY = 0.25


class Progress:
    """One display, updated in place. Called with the bytes done and their total; `end` shows the last line.

    `publisher` is the shell's display publisher as it is now, since the shell's own is captured meanwhile.
    """

    def __init__(self, publisher, clock=time.monotonic):
        self._publisher = publisher
        self._clock = clock
        self._begun = self._shown_at = clock()
        self._display_id = None
        self._done = 0

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        self._done = done
        if now - self._begun < AFTER or now - self._shown_at < EVERY:
            return
        self._shown_at = now
        rate = done / (now - self._begun)
        left = max(0.0, (total - done) / rate) if rate else 0.0
        self._show(
            f"checkpoint: {describe_bytes(done)} of {describe_bytes(total)}, {describe_bytes(int(rate))}/s, "
            f"{describe_seconds(left)} left"
        )

    def end(self, written: bool) -> None:
        """Says how it ended, where anything was shown before."""
        if self._display_id is None:
            return
        took = describe_seconds(self._clock() - self._begun)
        how = "written" if written else "stopped; the checkpoint before it stands"
        self._show(f"checkpoint: {describe_bytes(self._done)} in {took}, {how}")

    def _show(self, text: str) -> None:
        update = self._display_id is not None
        self._display_id = self._display_id or uuid.uuid4().hex
        self._publisher.publish(
            data={"text/plain": text}, metadata={}, transient={"display_id": self._display_id}, update=update
        )
