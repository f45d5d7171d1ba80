"""What checkpoints there are: for a person as a table, for a program as dicts."""

import html

from elasticpython import _core, places
from elasticpython.reports import describe_bytes, plain_copy, shortened, when
from elasticpython.session import ask

_HEADINGS = ("--at", "made", "", "size", "variables")


class CheckpointList:
    """The checkpoints at one place, oldest first."""

    def __init__(self, place: str, entries: list):
        self._place = place
        self._entries = entries

    @classmethod
    def at(cls, path) -> "CheckpointList":
        """Those at `path`, or of this notebook for None. Raises CheckpointError."""
        place = places.directory_of(path)
        return cls(place, ask(_core.session.list_checkpoints, place))

    def to_dict(self) -> dict:
        """A copy of everything that is known."""
        return plain_copy({"path": self._place, "checkpoints": self._entries})

    def __len__(self) -> int:
        return len(self._entries)

    def _rows(self) -> list:
        rows = []
        for entry in self._entries:
            name = entry.get("at", entry["name"])
            if "damage" in entry:
                rows.append((name, "", "damaged", "", entry["damage"]))
                continue
            how = "automatic" if entry["automatic"] else "asked for"
            names = entry["variables"]
            variables = f"{len(names)}: {shortened(names)}" if names else "none"
            rows.append((name, when(entry["created"]), how, describe_bytes(entry["bytes"]), variables))
        return rows

    def __repr__(self) -> str:
        rows = [_HEADINGS, *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
        lines = [
            "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows
        ]
        return "\n".join([f"checkpoints at {self._place}", *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>"
            for row in self._rows()
        )
        heads = "".join(f"<th>{html.escape(text)}</th>" for text in _HEADINGS)
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
