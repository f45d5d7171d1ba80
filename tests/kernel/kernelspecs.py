"""Kernelspecs for both doors in a directory of their own, for clients that start kernels by name."""

import json
from pathlib import Path

from launching import door_argv


def write_kernelspecs(directory, doors):
    """Write a kernelspec named after each door under `directory`/kernels; returns the directory."""
    for door in doors:
        folder = Path(directory) / "kernels" / f"{door}-under-test"
        folder.mkdir(parents=True, exist_ok=True)
        spec = {
            "argv": door_argv(door),
            "display_name": door,
            "language": "python",
            "interrupt_mode": "signal" if door == "ipykernel" else "message",
        }
        (folder / "kernel.json").write_text(json.dumps(spec))
    return Path(directory)
