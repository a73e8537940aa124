"""Messages for provider tests: sealed, to reserved addresses."""

from dataclasses import replace
from typing import Any

from delivery.channels import EMAIL, MOBILE_PUSH, SMS
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


def sms(number: str = "+491701234567", **changes: Any) -> Message:
    """A message to one phone number."""
    return message(number, channel=SMS.number, **changes)


def to(phone: str, sealed: Message | None = None, **changes: Any) -> Message:
    """A message, a plain one unless told otherwise, to the app on one phone."""
    return replace(sealed or message(), address=phone, channel=MOBILE_PUSH.number, **changes)


def one(provider: Provider, sealed: Message | None = None) -> Outcome:
    """Hand over one message, a plain one unless told otherwise; what became of it."""
    (outcome,) = provider.send([sealed or message()])
    return outcome
