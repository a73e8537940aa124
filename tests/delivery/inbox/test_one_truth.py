"""A socket, a stream and a client that only polls end up knowing the same, whatever happened."""

import json
import random
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.db import connection

from delivery.contracts import Action, Content
from delivery.inbox import items, waking
from delivery.inbox.items import Mark
from delivery.models import InboxItem
from notifysite.asgi import application
from tests.delivery.inbox.serving import PATIENCE, heard, serve

pytestmark = pytest.mark.django_db(transaction=True)

LATER = datetime.now(UTC) + timedelta(days=1)
LAST = "That was all"
ASK = Content(title="Approve?", actions=(Action(label="Yes", url="https://hr.test/yes"),))


class Client:
    """What a program knows that reads changes since the last number it saw, a few at a time."""

    def __init__(self, http):
        self.items, self.seq, self.unread = {}, 0, 0
        self._http = http

    def read(self, path, **query):
        answer = self._http.get(path, params=query or None)
        answer.raise_for_status()
        return answer.json()

    def sync(self):
        """Take up all that changed."""
        path, query = "/api/v1/inbox", {"since": self.seq, "limit": 3}
        while path:
            page = self.read(path, **query)
            self.items |= {item["id"]: item for item in page["results"]}
            numbers = [item["changed_seq"] for item in page["results"]]
            self.seq, self.unread = max([self.seq, *numbers]), page["unread"]
            path, query = page["next"], {}

    def hear(self, hint):
        """Catch up with a hint; a count that was read a moment too early is corrected by it."""
        if hint["seq"] > self.seq:
            self.sync()
        if hint["seq"] == self.seq:
            self.unread = hint["unread"]

    def heard_all(self, hint):
        """Whether this was the hint about the last change."""
        return hint["seq"] == self.seq and LAST in {one["title"] for one in self.items.values()}

    def unread_items(self):
        return [
            item
            for item in self.items.values()
            if not (item["read_at"] or item["archived_at"] or item["snoozed_until"])
        ]


def by_socket(client, site):
    with site.tab("ann") as tab:
        hint = heard(tab)
        client.hear(hint)
        while not client.heard_all(hint):
            hint = heard(tab)
            client.hear(hint)


def by_stream(client, site):
    with site.stream("/api/v1/inbox/stream", "ann") as answer:
        for line in answer.iter_lines():
            if not line.startswith("data:"):
                continue
            hint = json.loads(line.removeprefix("data:"))
            client.hear(hint)
            if client.heard_all(hint):
                return


class World:
    """Changes by chance, the same for the same seed."""

    def __init__(self, person, put, seed):
        self._person, self._put, self._chance = person, put, random.Random(seed)

    def change(self):
        self._chance.choice(
            [self._arrive, self._arrive, self._mark, self._mark, self._snooze, self._wake,
             self._act, self._mark_all]
        )()  # fmt: skip

    def _some(self):
        ids = sorted(InboxItem.objects.values_list("id", flat=True))
        return self._chance.sample(ids, k=min(len(ids), self._chance.randint(1, 3)))

    def _arrive(self):
        self._put(self._person, self._chance.randint(1, 3), content=ASK)

    def _mark(self):
        mark = self._chance.choice([one for one in Mark if one is not Mark.SNOOZE])
        items.mark(self._person.id, mark, self._some())

    def _snooze(self):
        items.mark(self._person.id, Mark.SNOOZE, self._some(), until=LATER)

    def _wake(self):
        """The time that was named has come for some."""
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE inbox_item SET snoozed_until = now() - interval '1 second'"
                " WHERE snoozed_until IS NOT NULL AND id = ANY(%s)",
                [self._some()],
            )
        waking.wake_due()

    def _act(self):
        for id in self._some():
            items.act(self._person.id, id, 0)

    def _mark_all(self):
        items.mark_all(self._person.id, self._chance.choice([Mark.SEEN, Mark.READ]))


@pytest.mark.parametrize("seed", range(3))
def test_all_clients_know_the_same_after_any_series_of_changes(ann, put, seed):
    world = World(ann, put, seed)
    ann_says = {"Authorization": "Bearer ann"}
    with (
        serve(application) as site,
        httpx.Client(
            base_url=site.url, headers=ann_says, trust_env=False, timeout=PATIENCE
        ) as http,
    ):
        socket, stream, poll, truth = (Client(http) for _ in range(4))
        followers = [
            threading.Thread(target=follow, args=(client, site), daemon=True)
            for follow, client in ((by_socket, socket), (by_stream, stream))
        ]
        for follower in followers:
            follower.start()
        for number in range(60):
            world.change()
            if number % 7 == seed:
                poll.sync()
        put(ann, content=Content(title=LAST))
        poll.sync()
        for follower in followers:
            follower.join(PATIENCE)

        truth.sync()
        counts = truth.read("/api/v1/inbox/counts")
    assert socket.items == stream.items == poll.items == truth.items
    assert {one.seq for one in (socket, stream, poll)} == {truth.seq}
    assert {one.unread for one in (socket, stream, poll)} == {counts["unread"]}
    assert len(socket.unread_items()) == counts["unread"]
