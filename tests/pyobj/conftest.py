"""Lets the tests import `elasticpython` from the build where it is not installed."""
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ELASTICPYTHON_BUILD", ROOT / "build/release")) / "python/elasticpython"

if BUILD.exists():
    sys.path.insert(0, str(ROOT / "src/python"))
    import elasticpython

    elasticpython.__path__.append(str(BUILD))
