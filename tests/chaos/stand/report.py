"""What a run found, as one line on the screen and as pages under var/chaos/."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.stand.oracle import Account

ROOT = Path(__file__).resolve().parents[3]
SCALES = ("full", "short")
COLUMNS = (
    "fault", "result", "accepted", "delivered", "explained", "lost", "copies", "uncertain",
    "seconds", "seed",
)  # fmt: skip


@dataclass(slots=True)
class Finding:
    """One fault that was injected, and what came of it."""

    fault: str
    what: str
    scale: str
    seed: str
    variant: str = ""  # such as the broker it ran with
    seconds: float = 0.0
    account: Account | None = None
    numbers: dict[str, Any] = field(default_factory=dict)  # the fault's own
    broken: list[str] = field(default_factory=list)
    finished: bool = False  # False: it broke off before anything could be judged

    @property
    def result(self) -> str:
        if not self.finished:
            return "broke off"
        return "FAILED" if self.broken else "held"

    def row(self) -> dict[str, Any]:
        """The columns every fault has."""
        sums = self.account or Account()
        return {
            "fault": " ".join(filter(None, (self.fault, self.variant))),
            "scale": self.scale,
            "seed": self.seed,
            "accepted": sums.accepted,
            "delivered": sums.delivered,
            "explained": sums.explained,
            "lost": sums.lost,
            "copies": sums.copies,
            "uncertain": sums.unknown,
            "seconds": round(self.seconds, 1),
            "result": self.result,
        }

    def line(self) -> str:
        """All of it in one line."""
        sums = ", ".join(f"{name} {value}" for name, value in self.row().items() if name != "fault")
        own = ", ".join(f"{name} {value}" for name, value in self.numbers.items())
        return f"{self.row()['fault']} ({self.what}): {sums}; {own}"


def folder() -> Path:
    """Where findings are kept."""
    kept = Path(os.environ.get("NOTIFYSITE_VAR") or ROOT / "var").resolve() / "chaos"
    kept.mkdir(parents=True, exist_ok=True)
    return kept


def keep(finding: Finding) -> None:
    """Write a finding down; the last one of each fault, broker and scale is kept."""
    name = "-".join(filter(None, (finding.fault, finding.variant, finding.scale)))
    said = asdict(finding) | {"result": finding.result, "line": finding.row()}
    _write(folder() / f"{name}.json", json.dumps(said, indent=1, default=str) + "\n")
    write_table()


def write_table() -> None:
    """All findings so far as tables in Markdown, one for each scale."""
    found = [json.loads(path.read_text()) for path in sorted(folder().glob("F*.json"))]
    by_scale = {scale: [one for one in found if one["scale"] == scale] for scale in SCALES}
    tables = [_table(scale, some) for scale, some in by_scale.items() if some]
    _write(folder() / "results.md", "\n".join(tables))


def _table(scale: str, found: list[dict[str, Any]]) -> str:
    heads = ("fault", "what is done", *COLUMNS[1:], "its own numbers")
    lines = [f"## {scale}", "", "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for one in found:
        first, *sums = (str(one["line"][column]) for column in COLUMNS)
        lines.append("| " + " | ".join([first, one["what"], *sums, _numbers(one)]) + " |")
    return "\n".join([*lines, ""])


def _numbers(one: dict[str, Any]) -> str:
    own = [f"{name.replace('_', ' ')} {said}" for name, said in one["numbers"].items()]
    return ", ".join([*own, *(f"BROKEN: {law}" for law in one["broken"])])


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)  # other processes read it
