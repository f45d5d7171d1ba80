"""Runs the test suites and says what came of them; `make test` and `make test-NAME` call it.

    tests/run.py [SUITE...]     without a name: those of EVERY_TIME, in this order

Each suite leaves a JUnit file in artifacts/, from which its numbers are taken; a suite that ends badly
without one (a build that fails, a runner that dies) counts as one failed test, so nothing can fail unseen.
The last line is `N passed, N failed, N skipped`, the exit status 1 when anything failed; the lines before it
name each test that did, since a log is often all that is left of a run and often only its end.

Suites that talk to kernels and browsers, whose answers they await with a time limit, run in two processes; a
test of theirs that fails runs once more, by itself. One that passes then is called flaky and named in the
last table: it is something to mend, but no reason to hold back a change on a machine that was busy.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARTIFACTS = ROOT / "artifacts"
JOBS = str(os.cpu_count() or 1)
FUZZ_SECONDS = 10
MOST_FLAKY = 20  # more failures than this are no accident
IN_TWO = ("-n", "2", "--dist", "loadfile")


@dataclass
class Outcome:
    """What a suite's JUnit files say, plus what they cannot: that the suite itself broke."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""
    names: list[str] = field(default_factory=list)  # of the failed ones


def run(command, **environment):
    """Runs `command` in the project's root, its output going where ours goes; returns its exit status."""
    print("+", " ".join(map(str, command)), flush=True)
    environment = os.environ | environment
    return subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL).returncode


def fresh(junit):
    """A place for results that holds none of an earlier run."""
    junit.unlink(missing_ok=True)
    return junit


def read_junit(path):
    """Counts the test cases of one JUnit file, pytest's or ctest's."""
    outcome = Outcome()
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
            outcome.names.append(f"{case.get('classname')}.{case.get('name')}")
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            outcome.skipped += 1
        else:
            outcome.passed += 1
    return outcome


def outcome_of(status, junit):
    """The suite's outcome, made to agree with its runner's exit status."""
    if not junit.exists():
        return Outcome(failed=1, note=f"exit status {status} and no results")
    outcome = read_junit(junit)
    if status != 0 and outcome.failed == 0:
        outcome.failed, outcome.note = 1, f"exit status {status}"
    elif outcome.passed + outcome.failed + outcome.skipped == 0:
        outcome.failed, outcome.note = 1, "ran no test"
    return outcome


def pytest_run(junit, *arguments, python=sys.executable, **environment):
    """pytest in a process of its own: a suite that breaks pytest breaks only itself."""
    pytest = [python, "-m", "pytest", "-q", "--durations=5", f"--junitxml={fresh(junit)}"]
    return outcome_of(run([*pytest, *arguments], **environment), junit)


def python_suite(name):
    """pytest over tests/NAME."""
    return pytest_run(ARTIFACTS / f"{name}.xml", f"tests/{name}")


def timed_suite(name, *arguments):
    """pytest over tests/NAME, whose tests wait for other processes; see the head of this file."""
    first = ARTIFACTS / f"{name}.xml"
    outcome = pytest_run(first, *arguments, f"tests/{name}")
    if not 0 < outcome.failed <= MOST_FLAKY or not first.exists():
        return outcome
    print(f"failed, and run once more: {', '.join(outcome.names)}", flush=True)
    again = pytest_run(ARTIFACTS / f"{name}-again.xml", "--last-failed", "--last-failed-no-failures=none",
                       f"tests/{name}")
    if again.passed == 0:
        return outcome
    flaky = [case for case in outcome.names if case not in again.names]
    total = outcome.passed + outcome.failed
    return Outcome(total - again.failed, again.failed, outcome.skipped,
                   f"flaky: {', '.join(flaky)}" if flaky else "", again.names)


def built(preset, target="all"):
    """Whether a target of a CMake preset could be configured and built."""
    configured = (ROOT / "build" / preset / "build.ninja").exists()
    if not configured and run(["cmake", "--preset", preset]) != 0:
        return False
    return run(["cmake", "--build", "--preset", preset, "--target", target, "-j", JOBS]) == 0


class BuildingAhead:
    """Builds presets that later suites want, on what processors the present one leaves idle: at the lowest
    priority and one file at a time. A build that fails is made once more in its turn, and said then."""

    def __init__(self, presets):
        steps = [f"(test -e build/{preset}/build.ninja || cmake --preset {preset}) && "
                 f"cmake --build --preset {preset} --target {target} -j 1" for preset, target in presets]
        self._process = subprocess.Popen(["nice", "-n", "19", "sh", "-c", "; ".join(steps)], cwd=ROOT,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, start_new_session=True,
                                         preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def stop(self):
        """Ends it: ninja takes away what is half made, so the build can be gone on with."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait()


def cpp_suite(preset, **environment):
    """Builds everything of a CMake preset and runs its C++ tests."""
    junit = fresh(ARTIFACTS / f"cpp-{preset}.xml")
    if not built(preset):
        return Outcome(failed=1, note="the build failed")
    command = ["ctest", "--test-dir", ROOT / "build" / preset, "-j", JOBS, "--output-on-failure",
               "--no-tests=error", "--timeout", "300", "--output-junit", junit]
    return outcome_of(run(command, **environment), junit)


def pydebug_suite():
    """tests/pyobj in the debug build of Python, with our module under the address and undefined sanitizers.
    Without ten million objects of each kind: with what the sanitizer lays around them they do not fit."""
    if not built("pydebug", "_core"):
        return Outcome(failed=1, note="the build failed")
    asked = ["clang-14", "-print-file-name=libclang_rt.asan-x86_64.so"]
    runtime = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return pytest_run(ARTIFACTS / "pydebug.xml", "--ignore=tests/pyobj/test_walk_extremes.py", "tests/pyobj",
                      python=ROOT / ".venv-pydebug/bin/python", LD_PRELOAD=runtime,
                      ELASTICPYTHON_BUILD=str(ROOT / "build/pydebug"), **SANITIZED)


def fuzz(target):
    """Runs a libFuzzer target for a few seconds, from its corpus in tests/fuzz/corpus; whether it ended
    well. Its output is shown when it has ended, since another may run beside it."""
    found = ARTIFACTS / "fuzz" / target.name
    found.mkdir(parents=True, exist_ok=True)
    corpus = ROOT / "tests/fuzz/corpus" / target.name.removesuffix("_fuzz")
    corpora = [found, corpus] if corpus.is_dir() else [found]
    command = [target, f"-max_total_time={FUZZ_SECONDS}", "-print_final_stats=1", "-timeout=10",
               f"-artifact_prefix={found}/", *corpora]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    print("+", " ".join(map(str, command)), done.stdout, sep="\n", flush=True)
    return done.returncode == 0


def fuzz_suite():
    """Runs every libFuzzer target."""
    if not built("fuzz", "fuzzers"):
        return Outcome(failed=1, note="the build failed")
    targets = sorted((ROOT / "build/fuzz/tests/fuzz").glob("*_fuzz"))
    with ThreadPoolExecutor(int(JOBS)) as pool:
        ended_well = list(pool.map(fuzz, targets))
    outcome = Outcome(passed=ended_well.count(True), failed=ended_well.count(False))
    outcome.names = [target.name for target, well in zip(targets, ended_well) if not well]
    if outcome.passed + outcome.failed == 0:
        outcome.failed, outcome.note = 1, "there is no fuzz target"
    return outcome


# What random notebooks say of plans is found out by the release build; under a sanitizer a few of them go
# over the code.
FEW_ROUNDS = {"ELASTIC_TEST_ROUNDS": "40"}
# The address sanitizer does not look for leaks: CPython keeps what it interned and allocated statically until
# the process is gone.
SANITIZED = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}

# In the order in which a mistake shows soonest.
SUITES = {
    "tidy": lambda: python_suite("tidy"),
    "cpp": lambda: cpp_suite("release"),
    "pyobj": lambda: python_suite("pyobj"),
    "session": lambda: timed_suite("session", *IN_TWO),
    "kernel": lambda: timed_suite("kernel", *IN_TWO),
    "browser": lambda: timed_suite("browser"),
    "asan": lambda: cpp_suite("asan", **SANITIZED, **FEW_ROUNDS),
    "tsan": lambda: cpp_suite("tsan", TSAN_OPTIONS="halt_on_error=1", **FEW_ROUNDS),
    "fuzz": fuzz_suite,
    "debian": lambda: python_suite("debian"),
    "pydebug": pydebug_suite,
}

# Suites that build something of their own: the preset and its target.
BUILT_AHEAD = {"asan": ("asan", "all"), "tsan": ("tsan", "all"), "fuzz": ("fuzz", "fuzzers")}

EVERY_TIME = ["tidy", "cpp", "pyobj", "session", "kernel", "browser", "asan", "tsan", "fuzz"]


def main(names):
    """Runs the named suites, or those of every time, and prints a table of them."""
    unknown = [name for name in names if name not in SUITES]
    if unknown:
        sys.exit(f"no test suite {', '.join(unknown)}; there are: {', '.join(SUITES)}")
    names = names or EVERY_TIME
    for name in names:
        shutil.rmtree(ARTIFACTS / name, ignore_errors=True)
    ARTIFACTS.mkdir(exist_ok=True)
    outcomes, seconds = {}, {}
    ahead = BuildingAhead([BUILT_AHEAD[name] for name in names if name in BUILT_AHEAD])
    for name in names:
        print(f"\n=== {name}", flush=True)
        if name in BUILT_AHEAD:
            ahead.stop()
        started = time.monotonic()
        outcomes[name] = SUITES[name]()
        seconds[name] = time.monotonic() - started
    ahead.stop()

    print(f"\n{'suite':10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for name, outcome in outcomes.items():
        print(f"{name:10}{outcome.passed:8}{outcome.failed:8}{outcome.skipped:9}{seconds[name]:9.1f}  "
              f"{outcome.note}".rstrip())
    for name, outcome in outcomes.items():
        for case in outcome.names:
            print(f"FAILED {name}: {case}")
    passed, failed, skipped = (sum(getattr(outcome, field) for outcome in outcomes.values())
                               for field in ("passed", "failed", "skipped"))
    print(f"\n{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
