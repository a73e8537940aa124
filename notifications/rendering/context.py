"""What one render may see and spend."""

from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Any

from liquid import Environment
from liquid.context import RenderContext
from liquid.token import Token
from liquid.undefined import Undefined
from liquid.utils import ReadOnlyChainMap
from markupsafe import escape

from notifications.rendering import limits, paths
from notifications.rendering.errors import LimitExceeded, MissingVariable, RenderError


class Missing(Undefined):
    """A variable that was not given: false in a condition, an error anywhere else."""

    __slots__ = ()
    force_liquid_default = True

    def poke(self) -> bool:
        """Raise, because somebody wants the value."""
        raise MissingVariable(self.name)

    def __str__(self) -> str:
        raise MissingVariable(self.name)

    def __int__(self) -> int:
        raise MissingVariable(self.name)

    def __iter__(self) -> Iterator[Any]:
        raise MissingVariable(self.name)


class Sink:
    """Collects output and refuses more than its limit."""

    __slots__ = ("limit", "parts", "size")

    def __init__(self, limit: int = limits.OUTPUT_BYTES, *, size: int = 0) -> None:
        self.parts: list[str] = []
        self.size = size  # of what was written, and of what surely will be
        self.limit = limit

    def write(self, text: str) -> int:
        """Add `text`; a character is at least a byte, so the count never overestimates."""
        length = len(text)
        self.size += length
        if self.size > self.limit:
            raise LimitExceeded(f"The result is larger than {self.limit:,} bytes.")
        self.parts.append(text)
        return length

    def getvalue(self) -> str:
        """Return everything written."""
        return "".join(self.parts)


class Scope(ReadOnlyChainMap):
    """All names, those of the innermost block first."""

    def __getitem__(self, key: str) -> object:
        """The value of a name. Most are in the last map, and to ask costs less than to fail."""
        for mapping in self._maps:
            if key in mapping:
                return mapping[key]
        raise KeyError(key)


class Context(RenderContext):
    """One render: plain data only, counted work, and names in errors."""

    __slots__ = ("deadline", "held", "missing", "steps")

    def __init__(self, env: Environment, variables: Mapping[str, object]) -> None:
        self.env = env
        self.locals: dict[str, object] = {}
        self.globals = variables
        self.counters: dict[str, int] = {}
        self.scope = Scope(self.locals, variables)
        self.tag_namespace: dict[str, Any] = {}
        self.loops: list[Any] = []
        self.disabled_tags: list[str] = []
        self.autoescape = env.autoescape
        self.parent_context = None
        self.deadline = monotonic() + limits.SECONDS
        self.steps = 0
        self.held = 0
        self.missing: list[str] | None = None

    def spend(self, steps: int) -> None:
        """Count work; raise LimitExceeded when it is too much or takes too long."""
        self.steps += steps
        if self.steps > limits.STEPS:
            raise LimitExceeded("The template does too much work.")
        if monotonic() > self.deadline:
            raise LimitExceeded(f"The template takes longer than {limits.SECONDS:g} seconds.")

    def get(
        self, path: Sequence[Any], *, token: Token | None = None, default: object = None
    ) -> Any:
        """Look a path up in plain data; what is not there is Missing, with the path's name."""
        try:
            value = self.scope[path[0]]
        except (KeyError, TypeError):
            return Missing(paths.dotted(path[:1]), token=token)
        for depth in range(1, len(path)):
            key = path[depth]
            try:
                value = value[key] if type(value) is dict else paths.step(value, key)
            except (KeyError, TypeError):
                value = paths.ABSENT
            if value is paths.ABSENT or type(value) is Missing:
                return self._missing(path[: depth + 1], value, token)
        return value

    def follow(self, root: str | int, rest: tuple[str | int, ...]) -> Any:
        """The same for a path that is known beforehand, and mostly leads through objects."""
        try:
            value: Any = self.scope[root]  # type: ignore[index]
            for key in rest:
                if type(value) is not dict:
                    return self.get((root, *rest))
                value = value[key]
        except KeyError:
            return self.get((root, *rest))
        return value

    @staticmethod
    def _missing(path: Sequence[Any], value: object, token: Token | None) -> Missing:
        if type(value) is Missing:
            return value
        return path[-1] if type(path[-1]) is Missing else Missing(paths.dotted(path), token=token)

    def assign(self, key: str, val: Any) -> None:
        """Hold a local; raise LimitExceeded when all of them together are too large."""
        self.spend(1)
        self.held += _weight(val) - _weight(self.locals.get(key))
        if self.held > limits.HELD_CHARS:
            raise LimitExceeded("assign and capture hold too much text.")
        self.locals[key] = val

    def get_buffer(self, buf: object = None) -> Any:
        """Return a sink for a capture."""
        return Sink(limits.STRING_CHARS)

    def text(self, value: Any) -> str:
        """Return a value as it stands in the output, escaped where the output is HTML."""
        if not isinstance(value, str):
            value = _written(value)
        return in_html(value) if self.autoescape else value


def in_html(text: str) -> str:
    """Text as it stands in HTML; markup stays as it is."""
    # Most has nothing to escape, and to look for that costs a quarter of escaping.
    if "&" in text or "<" in text or ">" in text or '"' in text or "'" in text:
        return escape(text)
    return text


def _weight(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list | tuple):
        return sum(len(item) if isinstance(item, str) else 8 for item in value)
    return 8


def _written(value: Any) -> str:
    if type(value) is Missing:
        value.poke()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        raise RenderError("An object cannot be printed; choose one of its fields.")
    if isinstance(value, list | tuple | range):
        raise RenderError("A list cannot be printed; use a for loop or the join filter.")
    raise RenderError(f"A value of this kind cannot be printed ({type(value).__name__}).")
