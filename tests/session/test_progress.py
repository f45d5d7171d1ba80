"""What a checkpoint shows while it is written."""

from elasticpython.progress import Progress


class Publisher:
    """Takes down what is published, at a time that the test sets."""

    def __init__(self):
        self.now, self.shown = 0.0, []

    def publish(self, data, metadata, transient, update):
        self.shown.append((data["text/plain"], transient["display_id"], update))


def test_nothing_is_shown_of_what_is_done_within_a_second():
    publisher = Publisher()
    progress = Progress(publisher, lambda: publisher.now)
    publisher.now = 0.9
    progress(8 << 20, 16 << 20)
    progress.end(written=True)
    assert publisher.shown == []


def test_one_display_is_updated_four_times_a_second_and_ends_with_what_came_of_it():
    for written, last in ((True, "written"), (False, "stopped; the checkpoint before it stands")):
        publisher = Publisher()
        progress = Progress(publisher, lambda: publisher.now)
        for tenth in range(1, 21):
            publisher.now = tenth / 10
            progress(tenth * 10_000_000, 400_000_000)
        progress.end(written)
        texts, ids, updates = zip(*publisher.shown)
        assert len(texts) == 5 and len(set(ids)) == 1
        assert updates == (False, True, True, True, True)
        assert texts[0] == "checkpoint: 100.0 MB of 400.0 MB, 100.0 MB/s, 3.00 s left"
        assert texts[-1] == f"checkpoint: 200.0 MB in 2.00 s, {last}"
