"""The tutorials run from top to bottom, and the demo finds every variable again."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture
def own_data_directory(tmp_path, monkeypatch):
    """Checkpoints that go to the default place go to this test's."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_a_tutorial_runs_from_top_to_bottom(path, own_data_directory, monkeypatch):
    """Every cell, the checkpoint and the restore among them, without an error."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, kernel_name="elasticpython", timeout=280, resources={"metadata": {"path": str(NOTEBOOKS)}}
    )
    client.execute()
    shown = {
        tag: "".join(
            output.get("text", "") or output.get("data", {}).get("text/plain", "")
            for cell in notebook.cells
            if tag in cell.metadata.get("tags", [])
            for output in cell.outputs
        )
        for tag in ("checkpoint", "restore", "after")
    }
    assert "stored" in shown["checkpoint"] and "lost" not in shown["checkpoint"], shown
    assert shown["restore"], shown
    assert "True" in shown["after"], shown


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_a_tutorial_is_kept_without_outputs(path):
    """What a reader sees comes from the reader's own kernel."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.id for cell in cells if cell.outputs or cell.execution_count] == []


def test_the_demo_finds_every_variable_again():
    """`make demo` without the set-up: kill -9 between the checkpoint and the restore."""
    demo = subprocess.run(
        [sys.executable, NOTEBOOKS / "demo.py"], capture_output=True, text=True, timeout=280
    )
    assert demo.returncode == 0, demo.stdout[-6000:] + demo.stderr[-3000:]
    assert "variables came back as they were" in demo.stdout
