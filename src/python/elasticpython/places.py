"""Where the checkpoints of a notebook are."""

import os
import re

from elasticpython import CheckpointError


def is_url(place) -> bool:
    """Whether `place` is for fsspec to open, not a path of this machine."""
    return isinstance(place, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", place) is not None


def notebook_name() -> str:
    """The notebook's path as its server says it; without one, the directory the kernel was started in."""
    return NOTEBOOK or _START_DIRECTORY


# As the process was started: a restore may put back the environment and the directory of another one.
NOTEBOOK = os.environ.get("JPY_SESSION_NAME")
_START_DIRECTORY = os.getcwd()


def default_directory() -> str:
    """A directory of this notebook's own under the Jupyter data directory, unique by its digest."""
    import hashlib

    from jupyter_core.paths import jupyter_data_dir

    name = notebook_name()
    if NOTEBOOK:
        name = os.path.abspath(os.path.join(_START_DIRECTORY, name))
    readable = re.sub(r"[^\w.-]+", "-", os.path.basename(name) or "root")[:60]
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return os.path.join(jupyter_data_dir(), "elasticpython", "checkpoints", f"{readable}-{digest}")


def directory_of(path) -> str:
    """`path` as the C++ half wants it, a directory or a URL; the notebook's own directory for None."""
    if path is None:
        directory = default_directory()
        os.makedirs(os.path.dirname(directory), mode=0o700, exist_ok=True)
        return directory
    place = os.fsdecode(path)
    if is_url(place):
        from urllib.parse import unquote, urlsplit

        # A mounted directory is better served without fsspec: mapped, locked, synced.
        address = urlsplit(place)
        if address.scheme.lower() not in ("file", "local"):
            return place
        place = unquote(address.path)
    return local_path(place)


def local_path(path) -> str:
    """`path` as an absolute one, which has a meaning for the C++ half: a text without zero bytes."""
    whole = os.path.abspath(os.path.expanduser(os.fsdecode(path)))
    try:
        if b"\0" not in whole.encode():
            return whole
    except UnicodeEncodeError:
        pass
    raise CheckpointError(f"{ascii(whole)} is no place for a checkpoint: a path has to be UTF-8 text")


def describe_checkpoint(directory: str):
    """One line on the checkpoints in `directory`, from names of files alone; None if there are none."""
    import time

    try:
        names = [
            name for name in os.listdir(os.path.join(directory, "manifests")) if name.endswith(".manifest")
        ]
        newest = max(int(name[:16], 16) for name in names)
    except (OSError, ValueError):
        return None
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(newest / 1e6))
    line = f"ElasticPython has a checkpoint of this notebook from {made}: %restore brings the session back."
    return line if len(names) == 1 else f"{line} There are older ones: %restore --list."
