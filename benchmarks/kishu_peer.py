"""Kishu 0.3.4 (PyPI) as a contender: its own hooks around an IPython shell, its own commits and checkouts.

Kishu commits after each cell to a database beside the notebook, and brings a commit back into a shell that it
was attached to anew. It is put beside the project's packages, not among them, and runs in its test mode,
which leaves the browser out. `install()` says where it is; a process that attaches it needs that on its path.
"""

import os
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parents[1] / "build/kishu"
# Without what the project has anyway, whose versions are not Kishu's to choose.
PACKAGES = ("kishu==0.3.4 ipylab==1.1.0 jupyter_ui_poll==1.0.0 loguru==0.7.3 dataclasses-json==0.6.7 "
            "marshmallow==4.4.0 typing-inspect==0.9.0 mypy-extensions==1.2.0 shortuuid==1.0.13 "
            "xxhash==4.1.0").split()
EMPTY_NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


def install():
    """The directory that holds Kishu, filled when it is not there; None when it cannot be had."""
    if not (HOME / "kishu").is_dir():
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-deps"]
        if subprocess.run([*pip, "--target", HOME, *PACKAGES]).returncode != 0:
            return None
    return HOME


class Attached:
    """Kishu around `shell`, for the notebook of `directory`; both survive the process."""

    def __init__(self, shell, directory):
        os.environ |= {"ENV_KISHU_TEST_MODE": "1", "KISHU_PATH_ROOT": str(directory)}
        from kishu.jupyterint import KishuForJupyter
        from kishu.notebook_id import NotebookId

        notebook = Path(directory) / "notebook.ipynb"
        if not notebook.exists():
            notebook.write_text(EMPTY_NOTEBOOK)
        self._kishu = KishuForJupyter(NotebookId("notebook", notebook, "0"), shell)

    def before_cell(self):
        """To be called before a cell runs."""
        self._kishu.pre_run_cell(None)

    def commit(self, result):
        """After a cell, with its ExecutionResult: what changed is written. Raises what Kishu raises."""
        self._kishu.post_run_cell(result)

    def checkout_newest(self):
        """Brings back what was committed last, by whichever process."""
        commits = self._kishu._kishu_commit
        newest = max(map(commits.get_commit, commits.keys_like("")), key=lambda entry: entry.timestamp)
        self._kishu.checkout(newest.commit_id)
