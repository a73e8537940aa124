"""What somebody adds to the system from outside: a provider of SMS, and a channel of their own."""

from collections.abc import Iterator, Sequence

from delivery.channels import ChannelSpec
from delivery.contracts import Message, Outcome
from delivery.lifecycle import OutcomeKind

CARRIER_PIGEON = ChannelSpec(
    number=90,
    key="carrier_pigeon",
    label="Carrier pigeon",
    fields=("title", "body"),
    required=("body",),
    icon="flutter_dash",
)


class Loft:
    """Notes what each of its birds carried off."""

    carried: list[tuple[str, str, str]] = []

    def __init__(self, *, alias: str, flight: int = 1, deadline: float = 5.0) -> None:
        self.alias = alias
        self.flight = flight
        self.deadline = deadline

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        """Send a bird for each message."""
        for message in messages:
            self.carried.append((self.alias, message.address, message.content.text))
            yield Outcome(
                reference=message.reference,
                kind=OutcomeKind.ACCEPTED,
                provider_ref=f"ring-{len(self.carried)}",
            )
