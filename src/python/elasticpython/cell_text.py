"""What the text of a cell says by itself."""

import ast


def statements_of(source: str) -> list:
    """The statements of a cell, as nodes; none where it is no Python, or nests too deeply to be read."""
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return []


def is_literal(node) -> bool:
    """Whether the node is a value that stands there, such as `3` or `["a"]`."""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return False
    return True
