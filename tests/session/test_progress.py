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
    progress = Progress(publisher, "checkpoint", lambda: publisher.now)
    publisher.now = 0.9
    progress(8 << 20, 16 << 20)
    progress.end("written")
    assert publisher.shown == []


def test_one_display_is_updated_four_times_a_second_and_ends_with_what_came_of_it():
    for last in ("written", "stopped; the checkpoint before it stands"):
        publisher = Publisher()
        progress = Progress(publisher, "checkpoint", lambda: publisher.now)
        for tenth in range(1, 21):
            publisher.now = tenth / 10
            progress(tenth * 10_000_000, 400_000_000)
        progress.end(last)
        texts, ids, updates = zip(*publisher.shown)
        assert len(texts) == 5 and len(set(ids)) == 1
        assert updates == (False, True, True, True, True)
        assert texts[0] == "checkpoint: 100.0 MB of 400.0 MB, 100.0 MB/s, 3.00 s left"
        assert texts[-1] == f"checkpoint: 200.0 MB in 2.00 s, {last}"


def test_no_rate_is_told_where_the_time_goes_into_something_else():
    publisher = Publisher()
    progress = Progress(publisher, "restore", lambda: publisher.now)
    publisher.now = 1.1  # a library is imported
    progress(5, 197_000)
    assert [text for text, _, _ in publisher.shown] == ["restore: 5 B of 197.0 kB"]


def test_waiting_for_another_kernel_is_no_part_of_the_rate():
    publisher = Publisher()
    progress = Progress(publisher, "restore", lambda: publisher.now)
    for publisher.now in (1.0, 2.0, 3.0):
        progress.waits()
    publisher.now = 3.5
    progress(50_000_000, 400_000_000)
    assert publisher.shown == []
    publisher.now = 5.0
    progress(200_000_000, 400_000_000)
    progress.end("done")
    assert [text for text, _, _ in publisher.shown] == [
        "restore: 200.0 MB of 400.0 MB, 100.0 MB/s, 2.00 s left", "restore: 200.0 MB in 2.00 s, done"]


def test_a_cell_that_will_take_longer_is_named_before_it_runs_again():
    publisher = Publisher()
    progress = Progress(publisher, "restore", lambda: publisher.now)
    progress.runs(3, 1, 4, 0.5)
    assert publisher.shown == []  # all four will be done within a second
    publisher.now = 0.2
    progress.runs(5, 2, 4, 12.0)
    publisher.now = 0.3
    progress.runs(6, 3, 4, 11.0)  # too soon after the last
    publisher.now = 12.0
    progress.runs(8, 4, 4, 0.1)
    progress.end("done")
    assert [text for text, _, _ in publisher.shown] == [
        "restore: cell execution 5 runs again, 2 of 4, about 12.00 s left",
        "restore: cell execution 8 runs again, 4 of 4, about 100 ms left",
        "restore: in 12.00 s, done",
    ]
    assert len({display for _, display, _ in publisher.shown}) == 1
