"""The lists and claims that are looked at, by name."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from delivery import announcements, queue
from delivery.feedback import matching, parking
from delivery.inbox import heads, items
from delivery.inbox.items import Shelf
from delivery.lifecycle import State
from delivery.models import Delivery
from notifications import reading, replaying, retention, story
from notifications.intake import cancel
from notifications.models import Notification
from notifications.pages import history
from notifications.planning import plan, secrets
from notifications.reading import Wanted
from notifications.words import Status
from notifysite.plumbing import claims, ids, partitions
from notifysite.plumbing.statements import Statement

Deed = Callable[[], Any]
LANE, BATCH = 2, 500


def every() -> Iterator[tuple[str, Deed]]:
    """Each with what the product does for it; writes are for the caller to undo."""
    yield from _api()
    yield from _people()
    yield from _admin()
    yield from _work()


def _api() -> Iterator[tuple[str, Deed]]:
    now = datetime.now(UTC)
    filters: dict[str, dict[str, Any]] = {
        "newest": {},
        "of a user": {"user_id": "user-42"},
        "of a common type": {"type": "type_1"},
        "of a rare type": {"type": "type_10"},
        "done": {"status": Status.DONE},
        "open": {"status": Status.ACCEPTED},
        "expired (rare)": {"status": Status.EXPIRED},
        "by email": {"channel": 1},
        "by a rare channel": {"channel": 2},
        "of a day": {"since": now - timedelta(days=20), "until": now - timedelta(days=19)},
        "deep in": {"below": ids.floor(now - timedelta(days=15))},
        "of a small service": {"service_id": 3},
        "of all services": {"service_id": None},
    }
    for name, said in filters.items():
        wanted = Wanted(**{"service_id": 1, "since": now - timedelta(days=30), **said})
        yield f"API: notifications, {name}", lambda wanted=wanted: reading.page(wanted, size=50)
    (id_,) = Notification.objects.order_by("-id").values_list("id", flat=True)[5000:5001]
    yield "API: one notification", lambda: reading.one(id_, service_id=1)
    yield "API: timeline", lambda: story.tell(id_)
    yield "API: by cancellation key", lambda: _by_key("order-4242")
    for name, said in {
        "all": {},
        "of a type": {"type": "type_10"},
        "by email": {"channel": 1},
    }.items():
        values = replaying._values(replaying.Filter(**said)) | {"service": 1, "modes": [1, 2, 3]}
        yield (
            f"API: replay of dead letters, {name}",
            lambda values=values: replaying._find(values, limit=BATCH),
        )


def _by_key(key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            cancel._MATCHING, {"service": 1, "key": key, "users": None, "modes": [1, 2, 3]}
        )


def _people() -> Iterator[tuple[str, Deed]]:
    for shelf in (Shelf.ALL, Shelf.UNREAD):
        found = items.on_shelf(42, shelf).order_by("-seq")[:26]
        yield f"Inbox: {shelf}", lambda found=found: list(found.all())
    yield "Inbox: what changed", lambda: list(items.changed_since(42, 10).order_by("changed_seq"))
    yield "Inbox: counts", lambda: (items.counts(42), heads.read_one(42))
    yield "History of a person", lambda: history._rows(42, None)


def _admin() -> Iterator[tuple[str, Deed]]:
    boss = get_user_model().objects.create_superuser("boss", password="secret")
    client = Client()
    client.force_login(boss)
    pages = {
        "notifications": "notifications/notification/",
        "notifications of a type": "notifications/notification/?type=1",
        "notifications of a rare type": "notifications/notification/?type=10",
        "expired notifications (rare)": "notifications/notification/?status=11",
        "notifications of a person": "notifications/notification/?q=user-42",
        "notifications of any time": "notifications/notification/?since=all",
        "dead letters": "delivery/delivery/",
        "dead letters by channel": "delivery/delivery/?channel=1",
        "dead letters of a rare type": "delivery/delivery/?type=10",
        "dead letters of a week": "delivery/delivery/?since=week",
        "audit trail": "delivery/auditentry/",
        "audit trail of a target": "delivery/auditentry/?q=template:12",
        "outbox": "delivery/outboxmessage/",
    }
    for name, path in pages.items():
        yield f"Admin: {name}", lambda path=path: _open(client, f"/admin/{path}")


def _open(client: Client, url: str) -> None:
    response = client.get(url)
    if response.status_code != 200:
        raise RuntimeError(f"{url} answered {response.status_code}")


def _run(sql: str, values: Any) -> Deed:
    def execute() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)

    return execute


def _stated(statement: Statement, values: dict[str, Any]) -> Deed:
    def execute() -> None:
        with connection.cursor() as cursor:
            statement.run(cursor, **values)

    return execute


def _work() -> Iterator[tuple[str, Deed]]:
    token = claims.token()
    due = {"lane": LANE, "channels": [1, 2, 3, 4, 5, 6], "token": token, "limit": BATCH}
    queued = Delivery.objects.filter(state=State.QUEUED).values_list("id", flat=True)
    some: list[UUID] = list(queued[:BATCH])
    refs = {"providers": ["email"], "refs": [f"ref-{n}" for n in range(1000, 1000 + BATCH)]}
    yield "Due notifications: lanes", plan.due_lanes
    yield "Due notifications: claim", _stated(plan._CLAIM, due)
    yield "Due deliveries: lanes", queue.due_lanes
    yield "Due deliveries: claim", lambda: queue.claim(LANE, token=token)
    yield (
        "Due deliveries: mark",
        lambda: queue.mark([(id_, token) for id_ in some], provider="email"),
    )
    yield "Lost answers: claim", lambda: queue.claim_limbo(token=token)
    yield "Orphans: free", lambda: (queue.free([1]), plan.free([1]))
    yield "Announcements: lanes", announcements.waiting_lanes
    yield "Announcements: consume", lambda: announcements._consume(LANE, limit=20)
    yield "News: by the provider's id", _run(matching._BY_REF, refs)
    yield "News: the deliveries", lambda: matching.lock(some)
    yield "News: parked", lambda: parking.match_parked()
    yield "House: secrets", lambda: secrets.sweep(5000)
    yield "House: what is open in a month", _open_months


def _open_months() -> None:
    for month in partitions.existing():
        retention._open_in(month)
