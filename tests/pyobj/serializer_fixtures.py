"""What the serialiser's tests share: the package as it was built, and a process that has it on its path."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@pytest.fixture(scope="session")
def package_path(tmp_path_factory):
    """A directory with the package's Python files and the built module beside them, first on sys.path."""
    build = Path(os.environ.get("ELASTICPYTHON_BUILD", ROOT / "build/release"))
    built = list((build / "python/elasticpython").glob("_core*.so"))
    if not built:
        pytest.fail(f"no _core in {build}: cmake --build --preset release --target _core")
    place = tmp_path_factory.mktemp("package")
    (place / "elasticpython").mkdir()
    for file in [*built, *(ROOT / "src/python/elasticpython").glob("*")]:
        (place / "elasticpython" / file.name).symlink_to(file)
    return place


@pytest.fixture(scope="session")
def environment(package_path):
    paths = [str(package_path), str(HERE / "serializer_modules")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONFAULTHANDLER": "1"}


@pytest.fixture(scope="session")
def serializer(package_path):
    """`elasticpython._core.serializer`, in this process."""
    sys.path.insert(0, str(package_path))
    import elasticpython._core
    return elasticpython._core.serializer


@pytest.fixture(scope="session")
def round_trips(environment, tmp_path_factory):
    """{case: None or what went wrong}, of all cases through two processes."""
    import json
    place = tmp_path_factory.mktemp("round_trips")
    report = {}
    for side in ("dump", "load"):
        command = [sys.executable, HERE / "serializer_process.py", side, place / "cases", place / side]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
        done = json.loads((place / side).read_text()) if (place / side).exists() else {}
        for name, problem in done.items():
            report[name] = report.get(name) or problem
        if run.returncode != 0:
            report["process"] = f"{side}: {run.returncode} after {list(done)[-1:]}:\n{run.stderr[-3000:]}"
            break
    return report
