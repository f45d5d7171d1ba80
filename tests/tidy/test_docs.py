"""The docs lead somewhere: links resolve, and every page can be reached from the reading order."""

import re

import pytest

from source_tree import ROOT, shown

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def links(page):
    """The files of the project that a page points to."""
    return [page.parent / target for target in _LINK.findall(page.read_text()) if "://" not in target]


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_to_files(page):
    """Pictures included."""
    assert [shown(target) for target in links(page) if not target.exists()] == []


def test_every_page_is_in_the_reading_order():
    """A page that docs/README.md does not lead to is one that nobody reads; a folder stands for its pages."""
    named = {target.resolve() for target in links(ROOT / "docs/README.md")}
    lost = [shown(page) for page in PAGES[1:]
            if page != ROOT / "docs/README.md" and not named & {page, *page.parents}]
    assert lost == []


def test_the_commands_of_the_readme_exist():
    """Whatever the README tells people to type, the Makefile has."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text()))
    assert named and named <= targets
