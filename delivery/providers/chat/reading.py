"""What a service answered, in words of which the table speaks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`status` is HTTP's, or one that the body reports; the first of `words` is the service's own
    for it. `ref`: its id of the message. `retry_after` is in seconds."""

    status: int
    words: tuple[str, ...] = ()
    ref: str = ""
    retry_after: float | None = None

    @property
    def code(self) -> str:
        """What operators are shown: why it was refused, or the status."""
        return self.words[0] if self.words and self.status >= 400 else str(self.status)
