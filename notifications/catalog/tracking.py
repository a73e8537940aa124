"""Which types may record opens and clicks of their mail. Pure."""

from delivery.lifecycle import Uncertain
from preferences.resolution import Kind


def objection(*, kind: int, uncertain: int, sensitive: bool) -> str:
    """Why a type of this category's kind must not, in a sentence; empty where it may."""
    if kind == Kind.SECURITY:
        return "Mail of a security category is not tracked: its links are nobody else's business."
    if sensitive:
        return "What carries secrets (x-sensitive) is not tracked: its links may hold them."
    if uncertain == Uncertain.STOP:
        return "What must never be sent twice, as one-time codes, is not tracked."
    return ""
