"""How a plan goes through the nodes of a template: what each of them adds to the text."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from liquid import Environment
from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.tags.assign_tag import AssignNode
from liquid.builtin.tags.capture_tag import CaptureNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.builtin.tags.if_tag import IfNode
from liquid.builtin.tags.unless_tag import UnlessNode

from notifications.rendering import limits
from notifications.rendering.context import Context, Sink, in_html
from notifications.rendering.nodes import SafeOutputNode, walk
from notifications.rendering.plan.conditions import Test, testing
from notifications.rendering.plan.values import (
    MOST_CHARS,
    STEPS_PER_FILTER,
    GivenUp,
    Say,
    Variables,
    marking,
    named,
    saying,
)

Piece = str | Say

_HELD_CHARS: Final = 4 * 1024 * 1024  # what all outputs of a template can come to together
_LONGEST_ESCAPE: Final = 5  # the characters that one becomes at most
_MOST_BY_NODES: Final = 4  # loops and such; with more of them the nodes may as well do everything


def most_chars(nodes: Sequence[Node]) -> int:
    """How long a value may be for a plan: so long that all of them together are no burden."""
    outputs = sum(isinstance(node, SafeOutputNode) for node in walk(nodes))
    return min(MOST_CHARS, _HELD_CHARS // (_LONGEST_ESCAPE * max(1, outputs)))


class Blocks:
    """The pieces of one template. Raises GivenUp if there is nothing to be gained."""

    def __init__(self, env: Environment, nodes: Sequence[Node], *, most: int) -> None:
        everything = list(walk(nodes))
        if any(isinstance(node, AssignNode | CaptureNode) for node in everything):
            raise GivenUp  # a name would mean something else after it than before
        filters = [node.filters for node in everything if isinstance(node, SafeOutputNode)]
        self.env = env
        self.html: bool = env.autoescape
        self.most = most
        self._left = limits.STEPS - STEPS_PER_FILTER * sum(map(len, filters))
        self._by_nodes = 0
        if self._left < 0:
            raise GivenUp

    def pieces(self, nodes: Iterable[Node]) -> list[Piece]:
        """What the nodes add, in their order, with neighbouring words in one."""
        joined: list[Piece] = [""]
        for piece in map(self.piece, nodes):
            if isinstance(piece, str) and isinstance(joined[-1], str):
                joined[-1] += piece
            else:
                joined.append(piece)
        return joined[1:] if joined[0] == "" else joined

    def piece(self, node: Node) -> Piece:
        """Words, or what says the words of one person."""
        if type(node) is ContentNode:
            return str(node.text)
        if isinstance(node, CommentNode):
            return ""
        if type(node) is IfNode or type(node) is UnlessNode:
            return self._choice(node)
        with suppress(GivenUp):
            if type(node) is SafeOutputNode:
                return self._output(node)
        return self._by_node(node)

    def _output(self, node: SafeOutputNode) -> Say:
        if named(node) is None:
            say: Say = marking(node, html=self.html, most=self.most)
        else:
            say = saying(node, most=self.most)
        return (lambda variables: in_html(say(variables))) if self.html else say

    def _choice(self, node: Any) -> Say:
        turned = type(node) is UnlessNode
        test = testing(node.condition, self.env)
        branches = [(_not(test) if turned else test, self._block(node.consequence))]
        branches += [
            (testing(each.expression, self.env), self._block(each.block))
            for each in node.alternatives
        ]
        return _choosing(branches, self._block(node.default) if node.default else "")

    def _block(self, block: BlockNode) -> Piece:
        pieces = self.pieces(block.nodes)
        if block.blank:
            return _silent(pieces)
        return _joined(pieces)

    def _by_node(self, node: Node) -> Say:
        """The text of one node of another kind, with a fair share of what may be spent."""
        self._by_nodes += 1
        if self._by_nodes > _MOST_BY_NODES:
            raise GivenUp

        def say(variables: Variables) -> str:
            context = Context(self.env, variables)
            context.steps = limits.STEPS - self._left // self._by_nodes
            context.deadline = monotonic() + limits.SECONDS / self._by_nodes
            sink: Any = Sink()
            node.render_to_output(context, sink)
            return str(sink.getvalue())

        return say


def _not(test: Test) -> Test:
    return lambda variables: not test(variables)


def _joined(pieces: list[Piece]) -> Piece:
    if not pieces:
        return ""
    if len(pieces) == 1:
        return pieces[0]
    return lambda variables: "".join(
        [piece if isinstance(piece, str) else piece(variables) for piece in pieces]
    )


def _silent(pieces: list[Piece]) -> Piece:
    """A block that holds only blanks says nothing, though what it asks may still fail."""
    asking = [piece for piece in pieces if not isinstance(piece, str)]

    def say(variables: Variables) -> str:
        for piece in asking:
            piece(variables)
        return ""

    return say if asking else ""


def _choosing(branches: list[tuple[Test, Piece]], otherwise: Piece) -> Say:
    def say(variables: Variables) -> str:
        for test, piece in branches:
            if test(variables):
                return piece if isinstance(piece, str) else piece(variables)
        return otherwise if isinstance(otherwise, str) else otherwise(variables)

    return say
