"""The plan of all templates of a message: what several of them say is looked up once."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, Protocol

from liquid import Environment
from liquid.ast import Node
from liquid.exceptions import LiquidError, LiquidInterrupt

from notifications.rendering import limits
from notifications.rendering.context import in_html
from notifications.rendering.errors import RenderError
from notifications.rendering.nodes import SafeOutputNode
from notifications.rendering.plan.blocks import Blocks, most_chars
from notifications.rendering.plan.values import GivenUp, Say, Variables, named, saying

_TROUBLE: Final = (
    GivenUp, RenderError, LiquidError, LiquidInterrupt, ArithmeticError, AttributeError,
    LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip


class Source(Protocol):
    """A parsed template."""

    env: Environment
    nodes: list[Node]


@dataclass(frozen=True, slots=True)
class _Words:
    """What the editor wrote."""

    text: str


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of the person, by a name that two outputs share if they say the same."""

    name: object
    html: bool = False


class Plan:
    """How to write the texts of several templates for one person; immutable, so threads share it.

    A text is a choice from a pool: first the editor's words, then what is said of the person,
    then some of that again, escaped for HTML.
    """

    __slots__ = ("_again", "_choices", "_says", "_words")

    def __init__(self, sources: Sequence[Source]) -> None:
        says: dict[object, Say] = {}
        most = most_chars([node for source in sources for node in source.nodes])
        outlines = [_outline(source, says, most) for source in sources]
        used = dict.fromkeys(part for outline in outlines if outline for part in outline)
        words = [part for part in used if isinstance(part, _Words)]
        plain = list(dict.fromkeys(_Said(p.name) for p in used if isinstance(p, _Said)))
        again = [part for part in used if isinstance(part, _Said) and part.html]
        places = {part: place for place, part in enumerate([_Words(""), *words, *plain, *again])}
        self._words = ["", *(part.text for part in words)]
        self._says = [says[part.name] for part in plain]
        self._again = [places[_Said(part.name)] for part in again]
        self._choices = [
            None if outline is None else itemgetter(0, 0, *(places[part] for part in outline))
            for outline in outlines
        ]

    def texts(self, variables: Variables) -> list[str | None] | None:
        """The text of each template, None for one that the nodes have to render; and None for all
        of them where anything is unusual."""
        if type(variables) is not dict:
            return None
        try:
            pool = self._words + [say(variables) for say in self._says]
            pool += [in_html(pool[place]) for place in self._again]
        except _TROUBLE:
            return None
        texts = [choose and "".join(choose(pool)) for choose in self._choices]
        for text in texts:
            if text and len(text) > limits.OUTPUT_BYTES:
                return None
        return texts


def _outline(source: Source, says: dict[object, Say], most: int) -> list[_Words | _Said] | None:
    """The parts of a template, in their order; None if the nodes may as well render it."""
    try:
        blocks = Blocks(source.env, source.nodes, most=most)
        return [_part(node, blocks, says) for node in source.nodes]
    except GivenUp:
        return None


def _part(node: Node, blocks: Blocks, says: dict[object, Say]) -> _Words | _Said:
    if isinstance(node, SafeOutputNode) and (name := named(node)) is not None:
        says[name] = saying(node, most=blocks.most)
        return _Said(name, html=blocks.html)
    piece = blocks.piece(node)
    if isinstance(piece, str):
        return _Words(piece)
    says[piece] = piece
    return _Said(piece)
