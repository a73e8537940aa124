"""The number on an icon, as it is found when a message to a phone is sealed."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from delivery import registry
from delivery.channels import IN_APP, MOBILE_PUSH, ChannelSpec
from delivery.contracts import Message, Parcel
from delivery.lifecycle import OutcomeKind
from delivery.models import Delivery
from notifications.planning import plan, seal
from notifications.words import Lane
from tests.factories import make_category, make_recipient, make_type
from tests.fakes.scripted import Ledger

pytestmark = pytest.mark.django_db


@pytest.fixture
def planned(api: APIClient, provider: Ledger) -> Callable[[int], None]:
    """Plan a notification to so many people, for their inboxes and phones at once."""
    make_type(
        "order_shipped",
        category=make_category("orders", default_channels=[MOBILE_PUSH.number, IN_APP.number]),
        steps=[{"channel": "in_app"}, {"channel": "mobile_push"}],
    )

    def plan_for(people: int) -> None:
        for number in range(people):
            make_recipient(f"u{number}")
            device = {"channel": "mobile_push", "kind": "fcm", "token": f"token-{number}"}
            api.post(f"/api/v1/users/u{number}/devices", device, format="json")
        body = {"type": "order_shipped", "to": [f"u{number}" for number in range(people)]}
        assert api.post("/api/v1/notifications", body, format="json").status_code == 202
        plan.plan_due(Lane.DEFAULT)

    return plan_for


def test_an_item_that_is_stored_but_not_settled_counts_once(planned: Callable[[int], None]) -> None:
    planned(1)
    item, phone = sealed_of(IN_APP), sealed_of(MOBILE_PUSH)
    assert [message.badge for message in (*item, *phone)] == [None, 1]
    assert [outcome.kind for outcome in registry.get("inbox").send(item)] == [OutcomeKind.DELIVERED]
    assert [message.badge for message in sealed_of(MOBILE_PUSH)] == [1]


@pytest.mark.parametrize("people", [1, 20])
def test_the_numbers_of_a_flight_cost_one_statement_and_only_where_it_goes_to_phones(
    planned: Callable[[int], None], people: int, django_assert_num_queries: Any
) -> None:
    planned(people)
    for spec, statements in ((IN_APP, 2), (MOBILE_PUSH, 3)):
        sealed_of(spec)  # compiled versions are kept from now on
        with django_assert_num_queries(statements + 1):  # and the rows that are sealed here
            assert len(sealed_of(spec)) == people


def sealed_of(spec: ChannelSpec) -> list[Message]:
    """What would leave over a channel now."""
    parcels = [
        Parcel(
            id=row.id,
            notification_id=row.notification_id,
            recipient_id=row.recipient_id,
            address_id=row.address_id,
            channel=row.channel,
            step=row.step,
            mode=row.mode,
        )
        for row in Delivery.objects.filter(channel=spec.number)
    ]
    return [message for message in seal.seal(parcels).values() if isinstance(message, Message)]
