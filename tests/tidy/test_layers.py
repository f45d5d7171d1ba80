"""Holds the source tree to docs/architecture.md: arrows between layers, headers, tests beside code."""

import fnmatch
import os
import re
import subprocess
import warnings

import pytest

from source_tree import (BELOW, LAYERS, OUTSIDE, ROOT, all_sources, cpp_tests, includes, layer_of_include,
                         shown, sources)

LENGTH_HABIT = {".hpp": 150, ".cpp": 400}

# Files of src that have no test of their own name: the test that covers each, and why it is there. A name
# that ends in * stands for a family.
TESTED_BY = {
    "src/core/error.cpp": "tests/core/result_test.cpp: an error is met in a Result",
    "src/core/log.cpp": "tests/kernel/test_transport.py: a line to stderr is read from outside the process",
    "src/plan/explain_svg.cpp": "tests/plan/explain_test.cpp: one explanation, drawn or written",
    "src/plan/network*": "tests/plan/min_cut_test.cpp: a network is right when its cut is",
    "src/plan/plan_builder.cpp": "tests/plan/choose_test.cpp: a plan is what is built from a choice",
    "src/store/former_chunks.cpp": "tests/store/writer_test.cpp: KnownBeforeTest",
    "src/store/cli/main.cpp": "tests/store/command_line_test.cpp: main() only hands its arguments on",
    "src/pyobj/bind_analysis.cpp": "tests/pyobj/test_reads.py: bindings are met from Python",
    "src/pyobj/code_account.cpp": "tests/pyobj/test_reads.py: what large values lead to",
    "src/pyobj/bytecode.cpp": "tests/pyobj/test_reads.py: what a cell reads, as a whole",
    "src/pyobj/ways_to_names.cpp": "tests/pyobj/test_reads.py: what a cell reads, as a whole",
    "src/pyobj/code_names.cpp": "tests/pyobj/test_reads.py: what a cell reads, as a whole",
    "src/pyobj/ambient*.cpp": "tests/session/test_tracker.py: state that cells change without naming it",
    "src/pyobj/doer.cpp": "tests/pyobj/test_outside_inputs.py: who asked decides what counts",
    "src/pyobj/effects.cpp": "tests/session/test_tracker.py: what cells do outside the session",
    "src/pyobj/name_table.cpp": "tests/session/test_tracker.py: names bound and deleted by cells",
    "src/pyobj/reads_state.cpp": "tests/pyobj/test_reads.py: what a cell reads, as a whole",
    "src/pyobj/user_names.cpp": "tests/pyobj/test_reads.py: what a cell reads, as a whole",
    "src/pyobj/own_modules.cpp": "tests/session/test_own_modules.py: what cells change in modules comes back",
    "src/pyobj/module_attributes.cpp": "tests/session/test_own_modules.py: what of a module comes back",
    "src/pyobj/module_values.cpp": "tests/session/test_own_modules.py: which object it is afterwards",
    "src/pyobj/own_sources.cpp": "tests/session/test_own_modules.py: what a cell ran, and what came back",
    "src/pyobj/library_paths.cpp": "tests/session/test_own_modules.py: whose state is put back",
    "src/pyobj/compile_source.cpp": "tests/pyobj/test_reads.py: what a cell reads, as a whole",
    "src/pyobj/ended_frames.cpp": "tests/session/test_tracker.py: what a traceback keeps",
    "src/pyobj/young_garbage.cpp": "tests/session/test_tracker.py: what waits for its collection",
    "src/pyobj/read_paths.cpp": "tests/session/test_watching_cases.py: what_ran, a cell as a whole",
    "src/pyobj/escaped.cpp": "tests/pyobj/test_reads.py: what a cell reads, as a whole",
    "src/pyobj/magics.cpp": "tests/pyobj/test_reads.py: what a cell reads, as a whole",
    "src/pyobj/reach*.cpp": "tests/pyobj/test_reads.py: what a cell reads, as a whole",
    "src/pyobj/code_owner.cpp": "tests/session/test_own_modules.py: whose state is put back",
    "src/pyobj/serializer_*": "tests/pyobj/test_serializer_round_trips.py: tested by what comes back",
    "src/pyobj/walk/*": "tests/pyobj/test_walk_content.py: a walk is tested by what it says of values",
    "src/pyobj/bind_walk.cpp": "tests/pyobj/test_walk_content.py: bindings are met from Python",
    "src/session/bind_session.cpp": "tests/session/test_checkpoint.py: bindings are met from Python",
    "src/session/damage_check.cpp": "tests/session/test_export.py: damage is named soon after a restore",
    "src/session/deferred.cpp": "tests/session/test_lazy.py: seen in what a cell finds",
    "src/session/background_writer.cpp": "tests/session/test_life.py: a writer outlives its kernel",
    "src/session/tracker_*": "tests/session/test_tracker.py: a cell's record, as a whole",
    "src/session/tracker.cpp": "tests/session/test_tracker.py: a cell's record, as a whole",
    "src/session/session.cpp": "tests/session/test_round_trip.py: a session is tested by what comes back",
    "src/session/known_buffers.cpp": "tests/session/test_known_buffers.py: it is seen in what is stored",
    "src/session/input_files.cpp": "tests/session/test_repeatable.py: plans say what has changed",
    "src/session/replay.cpp": "tests/session/test_restore.py: what is re-run is seen in what comes back",
    "src/session/replay_ambient.cpp": "tests/session/test_library_places.py: what re-run cells find there",
    "src/session/doubles.cpp": "tests/session/test_round_trip.py: a class is one also where it was changed",
    "src/session/dumped.cpp": "tests/session/test_checkpoint.py: seen in what is stored",
    "src/session/restore_*": "tests/session/test_restore.py: seen in what a restore does and says",
    "src/session/rollback.cpp": "tests/session/test_restore.py: an interrupted restore",
    "src/session/outline.cpp": "tests/session/test_comparing.py: what is the same, and what differs",
    "src/session/outputs.cpp": "tests/session/test_round_trip.py: values of outputs are there again",
    "src/session/verify.cpp": "tests/session/test_comparing.py: what is the same, and what differs",
    "src/kernel/bind_tracker.cpp": "tests/session/test_tracker.py: bindings are met from Python",
    "src/kernel/bind_kernel.cpp": "tests/kernel/test_execute.py: bindings are met from Python",
    "src/kernel/server_output.cpp": "tests/kernel/test_output.py: seen by a client",
    "src/kernel/debugger.cpp": "tests/kernel/test_debugger.py: through the protocol",
    "src/kernel/interpreter.cpp": "tests/kernel/test_execute.py: through the protocol",
    "src/kernel/main.cpp": "tests/kernel/test_environment.py: a door is tested by going through it",
    "src/kernel/module.cpp": "tests/kernel/test_environment.py: a door is tested by going through it",
    "src/kernel/run.cpp": "tests/kernel/test_lifecycle.py: through the protocol",
    "src/kernel/server.cpp": "tests/kernel/test_transport.py: through the protocol",
    "src/kernel/signals.cpp": "tests/kernel/test_interrupt.py: signals need a process of their own",
}


def is_binding(layer, path):
    """Whether a file of the session is the one door through which Python calls in."""
    return layer == "session" and (path.name == "bindings.hpp" or path.name.startswith("bind_"))


def family_of(path):
    """The entry of TESTED_BY that a file falls under, or None."""
    return next((name for name in TESTED_BY if fnmatch.fnmatch(shown(path), name)), None)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_includes_only_itself_and_what_is_below(layer):
    """The arrows point one way, in headers, sources and the tests beside them."""
    allowed = BELOW[layer] | {layer, "support", "golden"}
    upward = [f"{shown(path)} includes {include}" for path in sources(layer) + cpp_tests(layer)
              for include in includes(path)
              if layer_of_include(path, include) not in allowed | {None}]
    assert upward == []


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_knows_only_its_own_libraries(layer):
    """core, graph, plan and store are tested without an interpreter; only the kernel knows xeus."""
    strangers = [f"{shown(path)} includes {include} ({name})" for path in sources(layer)
                 for include in includes(path)
                 for name, (pattern, layers) in OUTSIDE.items()
                 if layer not in layers and re.match(pattern, include) and not is_binding(layer, path)]
    assert strangers == []


def test_every_folder_of_sources_is_a_layer():
    """A new folder is either put into the arrows or not made."""
    folders = {path.name for path in (ROOT / "src").iterdir() if path.is_dir() and any(path.glob("*.cpp"))}
    folders |= {path.name for path in (ROOT / "include/elastic").iterdir()}
    assert folders <= set(LAYERS)


def test_the_kernels_library_is_not_named_in_the_python_package():
    """A second driver in a stock ipykernel costs a file: the package must not lean on xeus."""
    imports_xeus = re.compile(r"^\s*(import|from) xeus", re.MULTILINE)
    files = (ROOT / "src/python/elasticpython").rglob("*.py")
    assert [shown(path) for path in files if imports_xeus.search(path.read_text())] == []


def test_every_header_has_pragma_once():
    """Before its first include."""
    missing = []
    for path in all_sources():
        if path.suffix == ".hpp":
            head = path.read_text().split("#include")[0]
            if not re.search(r"^#pragma once$", head, re.MULTILINE):
                missing.append(shown(path))
    assert missing == []


def test_every_header_compiles_alone():
    """Builds the target of tests/tidy/CMakeLists.txt, which Ninja does only for headers that changed."""
    if not (ROOT / "build/release/build.ninja").is_file():
        subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True)
    build = subprocess.run(["cmake", "--build", "--preset", "release", "--target", "headers_compile_alone",
                            "-j", str(os.cpu_count() or 1), "--", "-k", "0"],
                           cwd=ROOT, capture_output=True, text=True)
    assert build.returncode == 0, build.stdout[-6000:]


@pytest.mark.parametrize("layer", LAYERS)
def test_every_source_has_a_test_of_its_name(layer):
    """tests/l/x_test.cpp or tests/l/test_x.py for src/l/x.cpp; bind_x.cpp is tested through Python."""
    missing = []
    for path in sources(layer):
        name = re.sub(r"^bind_", "", path.stem)
        beside = [ROOT / f"tests/{layer}/{path.stem}_test.cpp", ROOT / f"tests/{layer}/{name}_test.cpp",
                  ROOT / f"tests/{layer}/test_{name}.py"]
        if path.suffix == ".cpp" and not family_of(path) and not any(test.is_file() for test in beside):
            missing.append(shown(path))
    assert missing == []


def test_every_exception_is_still_true():
    """An entry of TESTED_BY outlives neither its source nor the test that it names."""
    gone = [name for name in TESTED_BY if not list(ROOT.glob(name))]
    gone += [where for where in TESTED_BY.values() if not (ROOT / where.split(":")[0]).is_file()]
    assert gone == []


def test_every_cpp_test_is_built():
    """A test that no CMakeLists.txt names never runs."""
    forgotten = []
    for path in (ROOT / "tests").glob("*/*_test.cpp"):
        if path.name not in (path.parent / "CMakeLists.txt").read_text():
            forgotten.append(shown(path))
    assert forgotten == []


def test_no_file_is_far_too_long():
    """A file past the habit is listed as a warning, one past twice the habit fails."""
    far_too_long = []
    for path in all_sources():
        count, habit = len(path.read_text().splitlines()), LENGTH_HABIT[path.suffix]
        if count > habit:
            warnings.warn(f"{shown(path)} has {count} lines, the habit is {habit}", stacklevel=1)
        if count > 2 * habit:
            far_too_long.append(shown(path))
    assert far_too_long == []
