"""What a checkpoint or a restore has done: for a person as a table, for a program as a dict."""

import functools
import time
from json.decoder import JSONDecoder
from json.encoder import JSONEncoder

_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def describe_bytes(size) -> str:
    for unit, name in _SIZES:
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} B"


def describe_seconds(seconds) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _microseconds(time_us) -> str:
    return f"{time_us} us" if time_us < 1000 else describe_seconds(time_us / 1e6)


def when(seconds) -> str:
    """A time that a file says, which nobody vouches for."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OverflowError, OSError, ValueError):
        return "at no time there is"


def _cut(text, width) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _escaped(text) -> str:
    import html  # by far the slowest of what is imported for a restore, and most reports are printed

    return html.escape(text)


def plain_copy(content):
    """What a program may change; made without `json.dumps`, which programs replace."""
    return JSONDecoder().decode(JSONEncoder().encode(content))


class Report:
    """A report. `to_dict()` is JSON-ready; its keys are stable, more may be added."""

    title = ""
    groups = ()  # (status, heading) in the order they are shown
    status_key = ""

    def __init__(self, content: dict):
        self._content = content
        self._printed = False

    def print(self) -> None:
        """Prints the short table; what a notebook shows of this object then does not begin with it again."""
        print(self)
        self._printed = True

    def to_dict(self) -> dict:
        """A copy of everything that is known."""
        return plain_copy(self._content)

    def names(self, status: str) -> list:
        """The variables with this status, sorted."""
        return sorted(
            name for name, entry in self._content["variables"].items() if entry[self.status_key] == status
        )

    def _lines(self) -> list:
        """(heading, text) of the short table."""
        lines = []
        for status, heading in self.groups:
            names = self.names(status)
            if names:
                size = sum(self._size_of(name) for name in names)
                lines.append(
                    (
                        heading,
                        f"{len(names):5}  {describe_bytes(size) if size else '':>9}  {shortened(names)}",
                    )
                )
        for name in self.names("lost"):
            lines.append(("", f"{name}: {self._content['variables'][name]['why']}"))
        return lines + self._remarks()

    def _size_of(self, name) -> int:
        entry = self._content["variables"][name]
        # A co-variable's size stands at each of its members; it is counted once.
        return entry.get("bytes", 0) if name == min([name, *entry.get("linked_with", ())]) else 0

    def _remarks(self) -> list:
        return []

    def __str__(self) -> str:
        return "\n".join(
            [self._headline(), *(f"  {heading:12}{text}".rstrip() for heading, text in self._lines())]
        )

    def explanation(self) -> str:
        """Why for each variable, unless the plan's table says it; and what was estimated beside what it
        took."""
        variables = () if self._content.get("table") else sorted(self._content["variables"].items())
        lines = [f"  {name:24} {entry[self.status_key]:10} {entry['why']}" for name, entry in variables]
        return "\n".join(lines + self._measured_lines())

    def _measured_lines(self) -> list:
        measured = self._content.get("measured", {})
        rows = []
        for what, entries in measured.items():
            if what == "so_far":
                continue
            each = {"": entries} if "actual_us" in entries else entries
            rows += [(f"{what} {_cut(of, 40)}".strip(), entry) for of, entry in each.items()]
        if not rows:
            return []
        rows.sort(key=lambda row: -row[1]["actual_us"])
        lines = [f"  {'':44} {'estimated':>10} {'took':>10}"]
        lines += [
            f"  {what:44} {_microseconds(entry['estimated_us']):>10} {_microseconds(entry['actual_us']):>10}"
            for what, entry in rows[:30]
        ]
        if len(rows) > 30:
            lines.append(f"  and {len(rows) - 30} shorter ones")
        errors = [
            f"{kind} {entry['mean_error']:.0%} of {entry['count']}"
            for kind, entry in measured.get("so_far", {}).items()
            if entry["mean_error"] is not None
        ]
        return lines + [f"  mean error so far: {', '.join(errors)}"]

    def _headline(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{len(self.names(status))} {heading}" for status, heading in self.groups if self.names(status)
        )
        return f"<{self.title}: {counts or 'no variables'}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{_escaped(name)}</code></td><td>{_escaped(entry[self.status_key])}</td>"
            f"<td>{describe_bytes(entry['bytes']) if entry.get('bytes') else ''}</td>"
            f"<td>{_escaped(entry['why'])}</td></tr>"
            for name, entry in sorted(self._content["variables"].items())
        )
        summary = "each variable" if self._printed else _escaped(self._headline())
        return (
            f"<details><summary>{summary}</summary><table><thead><tr><th>variable</th>"
            f"<th>{self.status_key}</th><th>size</th><th>why</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>{self._remarks_html()}</details>"
        )

    def _remarks_html(self) -> str:
        items = "".join(
            f"<li>{_escaped(f'{heading}: {text}' if heading else text)}</li>"
            for heading, text in self._remarks()
        )
        return f"<ul>{items}</ul>" if items else ""


class CheckpointReport(Report):
    """What a checkpoint stored, what a restore will recompute, and what is lost; or only the plan for it."""

    title = "checkpoint"
    groups = (("store", "stored"), ("recompute", "recomputed"), ("lost", "lost"))
    status_key = "action"

    def __init__(self, text: str):
        """`text`: the content as JSON, of which values are made when somebody looks."""
        self._text = text
        self._printed = False

    @functools.cached_property
    def _content(self) -> dict:
        return JSONDecoder().decode(self._text)

    def to_dict(self) -> dict:
        # One that an earlier version made, and a checkpoint kept, has no text.
        return JSONDecoder().decode(self._text) if hasattr(self, "_text") else super().to_dict()

    def __str__(self) -> str:
        table = self._content.get("table")
        return super().__str__() + (f"\n{table.rstrip()}" if table else "")

    def _repr_html_(self) -> str:
        picture = self._content.get("svg")
        drawn = f'<div style="overflow-x: auto">{picture}</div>' if picture else ""
        return drawn + super()._repr_html_()

    def _headline(self) -> str:
        content = self._content
        if (
            "bytes_written" not in content
            or not content.get("checkpoint")
            and not content.get("in_background")
        ):
            return f"plan {content['plan']}: nothing was written"
        return (
            f"checkpoint at {content['path']}: {describe_bytes(content['bytes_total'])}, "
            f"{describe_bytes(content['bytes_written'])} written, {describe_seconds(content['seconds'])}"
        )

    def _remarks(self) -> list:
        remarks = [("note", text) for text in self._content.get("gave_up", ())]
        if self._content["cells_to_rerun"]:
            remarks.append(("re-runs", f"{len(self._content['cells_to_rerun']):5}  cells on restore"))
        if "exported" in self._content:
            remarks.append(("exported", f"       to {self._content['exported']}"))
        if "tracking_off" in self._content:
            remarks.append(("note", f"the session is not watched any more: {self._content['tracking_off']}"))
        return remarks


class RestoreReport(Report):
    """How each variable came back."""

    title = "restore"

    def __init__(self, content: dict, outputs=None):
        outputs = {index: each for index, each in (outputs or {}).items() if index in content["cells_rerun"]}
        content["cells_output"] = {
            str(index): {"stdout": each.stdout, "stderr": each.stderr, "displays": len(each.outputs)}
            for index, each in outputs.items()
        }
        super().__init__(content)
        self._outputs = outputs

    def show_output(self, cell=None) -> None:
        """Shows what the re-run cells (or the one with this index) showed."""
        for index, captured in sorted(self._outputs.items()):
            if cell in (None, index):
                captured.show()

    groups = (("same", "same"), ("recomputed", "recomputed"), ("differs", "differs"), ("lost", "lost"))
    status_key = "status"

    def _headline(self) -> str:
        content = self._content
        if content.get("dry_run"):
            return f"a restore from {content['path']} would do this; nothing was changed"
        return f"restored from {content['path']} in {describe_seconds(content['seconds'])}"

    def _remarks(self) -> list:
        content, remarks = self._content, []
        for name in self.names("differs"):
            remarks.append(("", f"{name}: {content['variables'][name]['why']}"))
        if content.get("deferred"):
            remarks.append(("later", f"{shortened(content['deferred'])}: loaded when a cell reads them"))
        if content["cells_rerun"]:
            shown = any(any(each.values()) for each in content["cells_output"].values())
            remarks.append(
                (
                    "re-ran",
                    f"{len(content['cells_rerun']):5}  cells"
                    + (", --show-output shows what they showed" if shown else ""),
                )
            )
        for entry in content.get("cells_failed", ()):
            remarks.append(("failed", f"cell execution {entry['cell']}: {entry['why']}"))
        for entry in content.get("unfinished", ()):
            begun, why = when(entry["begun"]), _cut(entry["why"], 200)
            remarks.append(("unfinished", f"a newer checkpoint, begun {begun}, is not there: {why}"))
        for entry in content.get("passed_over", ()):
            remarks.append(("damaged", f"checkpoint {entry['checkpoint']} was passed over: {entry['why']}"))
        if content.get("history_damage"):
            remarks.append(
                (
                    "damaged",
                    "the history of this checkpoint: what was stored came back, what its cells would have "
                    f"computed is lost ({content['history_damage']})",
                )
            )
        for name, entry in sorted(content.get("ambient", {}).items()):
            if entry["status"] in ("lost", "differs"):
                remarks.append(("not put back", f"{name}: {entry['why']}"))
        if content.get("replaced"):
            remarks.append(("replaced", shortened(content["replaced"])))
        if content.get("put_back"):
            remarks.append(("put back", f"{shortened(content['put_back'])}: a re-run cell changed them"))
        if content.get("effects_left_out"):
            remarks.append(("left out", _effects(content["effects_left_out"])))
        for entry in content.get("outputs_lost", ()):
            remarks.append(("lost", f"{entry['name']}: {entry['why']}"))
        for text in [*content.get("shell_problems", ()), *content.get("hooks_not_here", ())]:
            remarks.append(("note", text))
        return remarks + self._explanations()

    def _explanations(self) -> list:
        """What is not as it was, where that may be why something is not right."""
        content = self._content
        wrong = {*self.names("differs"), *self.names("lost")}
        remarks = [
            ("input", f"{entry['path']} {entry['why']}: cell execution {entry['cell']} read it")
            for entry in content.get("inputs_changed", ())
        ]
        remarks += [("module", entry["why"]) for entry in content.get("modules_changed", ())]
        if wrong or content.get("cells_failed"):
            for entry in content.get("environment_changes", ()):
                if not entry["variables"] or wrong.intersection(entry["variables"]):
                    remarks.append(("note", f"{entry['what']} is {entry['now']}, was {entry['then']}"))
        return remarks


def _effects(left_out: dict) -> str:
    cells = ", ".join(str(entry["cell"]) for entry in left_out["cells"])
    return (
        f"cells with outside effects are not run again (cell execution {cells}), so this is lost: "
        f"{shortened(left_out['variables'])}; --rerun-effects runs them"
    )


def shortened(names, limit=8) -> str:
    return " ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
