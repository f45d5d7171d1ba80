"""`elasticpython COMMAND STORE ...` for a STORE at a URL: the program hands on to this.

Also `python -m elasticpython.command`, for any store.
"""

import sys

from elasticpython import _core, places


def main(arguments) -> int:
    """Runs the command; returns the exit status."""
    # A directory is better served without fsspec, also one that is given as file://.
    words = [places.directory_of(word) if places.is_url(word) else word for word in arguments]
    return _core.session.run_command(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
