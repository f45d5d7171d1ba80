"""Environments a kernel cannot run in are refused with one line; another build of the same Python is fine."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from launching import DoorMissing, KernelProcess, door_argv, make_connection_file, scratch_environment


@pytest.fixture
def bare_environment(tmp_path):
    """A virtual environment of this Python with nothing in it."""
    path = tmp_path / "bare"
    subprocess.run([sys._base_executable, "-m", "venv", "--without-pip", str(path)], check=True)
    return path


def package_directory(tmp_path):
    """A directory with the elasticpython package and nothing else of this environment."""
    spec = importlib.util.find_spec("elasticpython")
    if spec is None:
        pytest.fail("the package elasticpython is not installed: run `make setup`", pytrace=False)
    target = tmp_path / "only-elasticpython"
    shutil.copytree(Path(spec.origin).parent, target / "elasticpython")
    return target


def start(own_door, tmp_path, environment_path, **variables):
    """Start a door in another environment; returns the exit status and what was written."""
    try:
        argv = door_argv(own_door)
    except DoorMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    if own_door == "elasticpython":
        argv[0] = str(environment_path / "bin" / "python")
    connection_file = tmp_path / "connection.json"
    make_connection_file(connection_file)
    argv = [part.replace("{connection_file}", str(connection_file)) for part in argv]
    environment = scratch_environment(tmp_path) | {"VIRTUAL_ENV": str(environment_path)} | variables
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=30, cwd=tmp_path)
    return done.returncode, done.stdout + done.stderr


def one_line(output):
    """The only line of an output."""
    lines = [line for line in output.splitlines() if line.strip()]
    assert len(lines) == 1, output
    return lines[0]


def test_an_environment_without_ipython_is_one_line_that_says_what_to_do(
    own_door, tmp_path, bare_environment
):
    path = str(package_directory(tmp_path))
    status, output = start(own_door, tmp_path, bare_environment, PYTHONPATH=path)
    assert status > 0
    line = one_line(output)
    assert "IPython" in line and "pip install" in line and str(bare_environment) in line


def test_an_environment_of_another_python_is_refused(own_door, tmp_path, bare_environment):
    if own_door == "elasticpython":
        pytest.skip("the module door runs inside whichever interpreter starts it")
    config = bare_environment / "pyvenv.cfg"
    text = config.read_text()
    version = ".".join(map(str, sys.version_info[:3]))
    config.write_text(text.replace(f"version = {version}", "version = 3.4.0"))
    status, output = start(own_door, tmp_path, bare_environment)
    assert status > 0
    assert "3.4" in one_line(output) and "Traceback" not in output


def other_builds():
    """Other builds of this version of Python on this machine."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = []
    for candidate in sorted(Path.home().glob(f".pyenv/versions/{version}*/bin/python{version}")) + [
        Path(f"/usr/local/bin/python{version}")
    ]:
        if candidate.exists() and candidate.resolve() != Path(sys.executable).resolve():
            found.append(candidate)
    return found


def test_the_module_door_runs_in_another_build_of_the_same_python(tmp_path, request):
    from conftest import KernelUnderTest, chosen_doors

    if "elasticpython" not in chosen_doors(request.config):
        pytest.skip("elasticpython is not among --kernels")
    builds = other_builds()
    if not builds:
        pytest.skip("no other build of this Python version on this machine")
    environment = tmp_path / "other"
    subprocess.run([str(builds[0]), "-m", "venv", "--without-pip", str(environment)], check=True)
    site = next((environment / "lib").glob("python*/site-packages"))
    # The packages of this environment serve the other build as well: the version is the same.
    (site / "borrowed.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")) + "\n")
    process = KernelProcess.start(
        "elasticpython", tmp_path / "home", interpreter=str(environment / "bin" / "python")
    )
    kernel = KernelUnderTest(process)
    try:
        kernel.connect(30)
        cell = kernel.execute("import sys\nprint(sys.prefix)\n6 * 7")
        assert (cell.stdout.strip(), cell.result) == (str(environment), "42")
        kernel.send("shutdown_request", {"restart": False}, channel="control")
        assert process.wait(5) == 0
    finally:
        kernel.stop()


def test_an_installation_into_a_prefix_brings_its_own_package(tmp_path, request, monkeypatch):
    """`cmake --install --prefix`: its kernelspec starts the executable, which runs the Python beside it."""
    from conftest import KernelUnderTest, chosen_doors

    if "elasticpython-embedded" not in chosen_doors(request.config):
        pytest.skip("elasticpython-embedded is not among --kernels")
    build = Path(__file__).resolve().parents[2] / "build" / "release"
    prefix = tmp_path / "prefix"
    install = ["cmake", "--install", str(build), "--prefix", str(prefix)]
    subprocess.run(install, check=True, capture_output=True)
    spec = json.loads((prefix / "share/jupyter/kernels/elasticpython/kernel.json").read_text())
    program = str(prefix / "bin" / "elasticpython-kernel")
    assert spec["argv"] == [program, "-f", "{connection_file}"]
    assert (prefix / "bin" / "elasticpython").is_file()

    process = KernelProcess.start(
        "elasticpython-embedded",
        tmp_path / "home",
        environment={"VIRTUAL_ENV": sys.prefix},
        interpreter=program,
    )
    kernel = KernelUnderTest(process)
    try:
        kernel.connect(30)
        cell = kernel.execute("import elasticpython, sys\nprint(elasticpython.__file__)\nsys.prefix")
        assert cell.stdout.startswith(str(prefix)) and cell.result == repr(sys.prefix)
        assert kernel.execute("%checkpoint").content["status"] == "ok"
    finally:
        kernel.stop()


def test_the_installed_package_is_compiled():
    """Or each kernel compiles it anew where nothing may be written beside it."""
    sources = Path(importlib.util.find_spec("elasticpython").origin).parent.glob("*.py")
    stale = []
    for source in sources:
        cached = Path(importlib.util.cache_from_source(str(source)))
        changed = int.from_bytes(cached.read_bytes()[8:12], "little") if cached.exists() else None
        if changed != int(source.stat().st_mtime):
            stale.append(source.name)
    assert stale == []
