"""Messages for provider tests: sealed, to reserved addresses."""

from dataclasses import replace
from typing import Any

from delivery.channels import EMAIL
from delivery.contracts import Content, Message, Outcome, Provider
from notifysite.plumbing.ids import uuid7

CONTENT = Content(
    subject="Your order has shipped",
    title="Shipped",
    text="Hello Ann,\nyour order is on its way.\n",
    html="<p>Hello Ann,<br>your order is on its way.</p>\n",
    url="https://example.com/orders/7",
)


def message(address: str = "ann@example.com", **changes: Any) -> Message:
    """A message to one address, by email unless `channel` says otherwise."""
    reference = uuid7()
    sealed = Message(
        reference=reference,
        notification=uuid7(),
        recipient=7,
        channel=EMAIL.number,
        address=address,
        content=CONTENT,
        category="orders",
        type="order_shipped",
        locale="en",
    )
    return replace(sealed, **changes)


def saying(address: str = "ann@example.com", **content: Any) -> Message:
    """A message with other content."""
    return message(address, content=replace(CONTENT, **content))


def one(provider: Provider, sealed: Message | None = None) -> Outcome:
    """Hand over one message, a plain one unless told otherwise; what became of it."""
    (outcome,) = provider.send([sealed or message()])
    return outcome
