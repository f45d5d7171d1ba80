"""One random program in one process: run, a checkpoint for each plan, and run on; or restored and run on."""

import os
import random

import elasticpython
from book import Reader
from portrait import portrait


def run(reader, cells):
    """Runs each cell, whether it raises or not."""
    for source in cells:
        reader.try_cell(source)


def random_wishes(seed):
    """What a random valid plan must and must not store: anything that `recompute-all` gets without storing
    it may be left out, anything else that can be stored may be asked for."""
    choose = random.Random(seed)
    ways = {
        plan: elasticpython.checkpoint(plan=plan, plan_only=True).to_dict()["variables"]
        for plan in ("recompute-all", "store-all")
    }

    def names(plan, action):
        return sorted(name for name, entry in ways[plan].items() if entry["action"] == action)

    recomputed, stored = names("recompute-all", "recompute"), names("store-all", "store")
    never = {name for name in recomputed if choose.random() < 0.5}
    linked = {each for name in never for each in ways["recompute-all"][name].get("linked_with", ())}
    always = {name for name in stored if choose.random() < 0.3} - never - linked
    return {"never_store": sorted(never), "always_store": sorted(always)}


def wishes_of(plan):
    """What a checkpoint is asked for. `run-nothing` has nothing but what can be stored."""
    if plan.startswith("random"):
        return random_wishes(plan)
    if plan == "run-nothing":
        names = elasticpython.checkpoint(plan_only=True).to_dict()["variables"]
        return {"plan": "store-all", "never_rerun": sorted(names)}
    return {"plan": plan}


def run_original(task):
    """All of a program; a checkpoint for each plan where it is cut. Where that loses something, `kept` is the
    portrait of the others."""
    reader = Reader(task["pauses"])
    cut = task["cut"]
    run(reader, task["cells"][:cut])
    lost, kept = {}, {}
    for plan in task["plans"]:
        report = elasticpython.checkpoint(f"{task['directory']}/{plan}", **wishes_of(plan)).to_dict()
        lost[plan] = sorted(name for name, each in report["variables"].items() if each["action"] == "lost")
        if lost[plan]:
            kept[plan] = portrait(reader.shell, without=lost[plan])
    there = portrait(reader.shell)
    run(reader, task["cells"][cut:])
    return {"lost": lost, "kept": kept, "portrait": there, "end": portrait(reader.shell)}


def run_restored(task):
    """What one plan's checkpoint brings back, and where the rest of the program leads from there. With
    `lazy`, the portrait is made at the end alone, since it looks at everything."""
    reader, lazy = Reader(task["pauses"]), task.get("lazy", False)
    report = elasticpython.restore(f"{task['directory']}/{task['plan']}", lazy=lazy).to_dict()
    there = None if lazy else portrait(reader.shell)
    run(reader, task["cells"][task["cut"]:])
    reader.session.load_rest()
    return {"report": report, "portrait": there, "end": portrait(reader.shell)}


def run_task(task):
    """What the fork server's child does for a program."""
    os.chdir(task["directory"])
    return run_original(task) if task["plan"] is None else run_restored(task)
