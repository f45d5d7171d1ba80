"""Realistic notebooks, restored from three points each, go on as if nothing had happened.

BOOKS_PLAN=recompute-all (store-all, paper) takes another plan than ours.
"""

import os
from pathlib import Path

import pytest
from book import Book
from fork_server import ForkServer
from portrait import differences

BOOKS = sorted((Path(__file__).parent / "books").glob("*.py"))
PLAN = os.environ.get("BOOKS_PLAN", "optimal")


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Where originals run, and where they are restored."""
    pair = [ForkServer(tmp_path_factory.mktemp(name)) for name in ("original", "restored")]
    yield pair
    for server in pair:
        server.close()


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_notebook_goes_on_after_a_restore_as_if_nothing_had_happened(path, servers, fast_path):
    book = Book(path)
    (fast_path / "work").mkdir()
    first, second = servers
    original = first.run("book", book=str(path), directory=str(fast_path), plan=PLAN, point=None)
    for number, point in enumerate(book.points):
        where = f"{book.name}, after {point} of {len(book.cells)} cells"
        restored = second.run("book", book=str(path), directory=str(fast_path), plan=PLAN, point=number)
        statuses = {name: entry for name, entry in restored["report"]["variables"].items()
                    if entry["status"] not in ("same", "recomputed")}
        assert statuses == {}, where
        assert differences(original["portraits"][number], restored["portrait"]) == [], where
        cells = book.cells[point:] + book.following
        for cell, before, after in zip(cells, original["shown"][point:], restored["shown"], strict=True):
            assert after == before, f"{where}, the cell\n{cell.source}"
        assert differences(original["end"], restored["end"]) == [], f"{where}, at the end"
