"""What is kept of an audience, and for how long."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from delivery.lifecycle import OutcomeKind, State
from delivery.models import Delivery
from notifications import housekeeping, retention
from notifications.audiences import data, expand
from notifications.models import Audience
from notifications.planning import plan, secrets
from notifications.words import AudienceStatus, Lane
from notifysite.plumbing import ids
from notifysite.plumbing.crypto import generate_master_key
from preferences import privacy
from preferences.models import Recipient, Topic
from tests.factories import make_topic, make_type
from tests.fakes.scripted import Ledger
from tests.notifications.audiences.rows import LONG, TOPIC, Run, Send, audience

pytestmark = pytest.mark.django_db


def test_an_export_holds_what_is_common_too_and_what_is_to_come(
    send: Send, tip: Any, gardeners: Topic, run: Run
) -> None:
    send(TOPIC)
    expand.expand_due(Lane.BULK)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    people = [{"user_id": "ann", "data": {"who": "Ann"}}, *(f"u{n}" for n in range(LONG))]
    send(people, send_at=later)
    ann = Recipient.objects.get(user_id="ann")

    parts = privacy.gather(ann.pk, now=datetime.now(UTC))

    assert [one["data"] for one in parts["notifications"]] == [{"plant": "Roses", "who": "all"}]
    assert [one["data"] for one in parts["expected"]] == [{"plant": "Roses", "who": "Ann"}]


def test_who_is_erased_gets_nothing_of_what_is_to_come(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    send(TOPIC)
    people = [{"user_id": "ann", "data": {"who": "Ann"}}, *(f"u{n}" for n in range(LONG))]
    send(people)
    privacy.erase("ann", actor="test", now=datetime.now(UTC))
    run()

    assert [message.address for message in provider.taken] == ["bob@example.com"]
    assert Audience.objects.order_by("id").last().made == LONG  # type: ignore[union-attr]


def test_its_key_moves_to_a_new_master_key(send: Send, tip: Any, settings: Any, run: Run) -> None:
    make_topic("gardening_tips")
    send(TOPIC)
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY, *settings.FIELD_ENCRYPTION_KEYS]
    call_command("rotate_keys", stdout=StringIO())
    settings.FIELD_ENCRYPTION_KEYS = [NEW_KEY]
    row = Audience.objects.get()
    assert data.load([row.pk])[row.pk].data == {"plant": "Roses", "who": "all"}


NEW_KEY = f"new:{generate_master_key()}"
SECRET = {
    "type": "object",
    "properties": {"plant": {"type": "string", "x-sensitive": True}, "who": {"type": "string"}},
}


def test_secrets_of_an_audience_are_forgotten_once_nobody_can_get_them_any_more(
    send: Send, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    make_type("tip", steps=[{"channel": "email"}], data_schema=SECRET)
    provider.script = [OutcomeKind.ACCEPTED, OutcomeKind.REFUSED_MESSAGE]
    send(TOPIC)
    housekeeping.keep()
    assert Audience.objects.get().data is not None  # not made yet
    expand.expand_due(Lane.BULK)
    plan.plan_due(Lane.BULK)
    housekeeping.keep()
    assert Audience.objects.get().data is not None  # not sent yet
    run()
    housekeeping.keep()

    row = Audience.objects.get()
    assert (row.data, row.data_key, row.secret) == (None, None, False)


def test_secrets_stay_while_a_dead_letter_may_be_sent_again(
    send: Send, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    make_type("tip", steps=[{"channel": "email"}], data_schema=SECRET, ttl_seconds=600)
    send(TOPIC)
    run()
    Delivery.objects.filter(recipient_id=Recipient.objects.get(user_id="bob").pk).update(
        state=State.DEAD
    )
    for _ in range(2):
        secrets.sweep(1)
    assert Audience.objects.get().data is not None

    Delivery.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    for _ in range(3):
        secrets.sweep(1)
    assert Audience.objects.get().data is None


def test_what_is_no_secret_stays(
    send: Send, tip: Any, gardeners: Topic, provider: Ledger, run: Run
) -> None:
    send(TOPIC)
    run()
    housekeeping.keep()
    assert Audience.objects.get().data is not None


OLD = datetime(2020, 3, 11, tzinfo=UTC)
NOW = datetime(2021, 4, 2, tzinfo=UTC)  # of 13 full months before it March 2020 is the first


def test_an_audience_leaves_with_its_month(settings: Any) -> None:
    settings.RETENTION_MONTHS = 1
    old = ids.uuid7(int(OLD.timestamp() * 1000))
    audience(request_id=old, due_at=None, status=AudienceStatus.DONE)
    waiting = audience(request_id=ids.uuid7(int(OLD.timestamp() * 1000)))
    young = audience(due_at=None, status=AudienceStatus.DONE)
    assert retention.sweep(NOW)["audiences"] == 1
    assert set(Audience.objects.all()) == {waiting, young}


def test_an_audience_that_is_not_made_yet_keeps_its_month(settings: Any) -> None:
    from notifysite.plumbing import partitions

    settings.RETENTION_MONTHS = 1
    partitions.ensure_months(OLD)
    audience(request_id=ids.uuid7(int(OLD.timestamp() * 1000)))
    stays = {str(one.month): one.stays for one in retention.look(NOW)}
    assert stays["2020-03"].startswith("1 audience is still open")
