"""How the source is laid out on the page: clang-format decides for C++, the line length for Python."""

import subprocess

from source_tree import LAYERS, ROOT, all_sources, cpp_tests, shown

WIDTH = 110


def test_cpp_files_are_as_clang_format_leaves_them():
    """`make format` makes it so."""
    files = all_sources() + [path for layer in LAYERS for path in cpp_tests(layer)]
    files += sorted((ROOT / "tests/fuzz").glob("*.cpp")) + sorted((ROOT / "benchmarks").glob("**/*.cpp"))
    ragged = [shown(path) for path in files
              if subprocess.run(["clang-format-14", "--dry-run", "-Werror", path], cwd=ROOT,
                                stderr=subprocess.DEVNULL).returncode != 0]
    assert ragged == []


def test_python_lines_fit():
    """No line of the package, the tests, the tutorials or the benchmarks is longer than WIDTH; the tables of
    cases, one case a line, are."""
    wide = [f"{shown(path)}:{number}" for folder in ("src", "tests", "notebooks", "benchmarks")
            for path in sorted((ROOT / folder).rglob("*.py")) if "serializer_cases" not in path.parts
            for number, line in enumerate(path.read_text().splitlines(), 1) if len(line) > WIDTH]
    assert wide == []
