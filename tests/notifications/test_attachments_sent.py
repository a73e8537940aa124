"""A send names files; its mails carry them, and what cannot go along is refused at the door."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from delivery import registry, routing
from delivery.channels import EMAIL
from delivery.contracts import Attachment as File
from delivery.lifecycle import OutcomeKind, Reason, State
from delivery.models import Delivery
from notifications import replaying
from notifications.models import Attachment, Audience, Notification
from notifications.planning import files
from notifications.services.authentication import Caller
from notifications.words import Mode
from preferences.models import Recipient
from tests.factories import make_recipient, make_service, make_topic, make_type
from tests.fakes.scripted import Ledger
from tests.fakes.smtp import SmtpServer
from tests.notifications.audiences.rows import subscribe
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db
URL = "/api/v1/notifications"
Run = Callable[[], int]
ALL = frozenset({"read:all"})
PDF = bytes(range(256)) * 3
CSV = "a;ä\r\n.\r\n".encode()


@pytest.fixture(autouse=True)
def invoice(db: None) -> Any:
    return make_type("invoice")


def upload(api: APIClient, name: str = "a.pdf", content: bytes = PDF, **said: Any) -> str:
    file = BytesIO(content)
    file.name = name
    answer = api.post("/api/v1/attachments", {"file": file, **said}, format="multipart")
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def body(*attachments: str, to: Any = "ann", **said: Any) -> dict[str, Any]:
    whom = {"user_id": to, "email": f"{to}@example.com"} if isinstance(to, str) else to
    return {"type": "invoice", "to": whom, "attachments": attachments, **said}


def send(api: APIClient, *attachments: str, **said: Any) -> Any:
    answer = api.post(URL, body(*attachments, **said), format="json")
    assert answer.status_code == 202, answer.content
    return answer.json()


@pytest.fixture
def smtp(settings: Any) -> Iterator[SmtpServer]:
    """A real mail server at the end of the path."""
    with SmtpServer() as server:
        options = {
            "backend": "django.core.mail.backends.smtp.EmailBackend",
            "connection": {"host": server.host, "port": server.port},
            "from_email": "Acme <hello@acme.test>",
        }
        settings.DELIVERY_PROVIDERS = {
            **settings.DELIVERY_PROVIDERS,
            "email": {**settings.DELIVERY_PROVIDERS["email"], "OPTIONS": options},
        }
        settings.DELIVERY_ROUTES = {**settings.DELIVERY_ROUTES, "email": ["email"]}
        registry.reset()
        routing.forget()
        yield server
        registry.reset()
        routing.forget()


def test_files_arrive_byte_by_byte_under_their_names(
    api: APIClient, smtp: SmtpServer, run: Run
) -> None:
    name = 'Rechnung "7" für Größe.pdf'
    mine = upload(api, name, user_id="ann")
    table = upload(api, "table.csv", CSV)
    send(api, mine, table)
    run()

    (letter,) = smtp.letters
    parts = list(letter.parsed.iter_attachments())
    assert [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in parts
    ] == [(name, "application/pdf", PDF), ("table.csv", "text/csv", CSV)]
    assert letter.parsed.get_body(("html",)) is not None


def test_only_mails_carry_them(api: APIClient, provider: Ledger, run: Run) -> None:
    make_type("all", steps=[{"channel": "email"}, {"channel": "chat"}, {"channel": "in_app"}])
    file = upload(api)
    person = {"user_id": "ann", "email": "ann@example.com"}
    send(api, file, type="all", to=person)
    run()
    (mail,) = provider.taken
    assert mail.attachments == (File(name="a.pdf", content_type="application/pdf", content=PDF),)
    assert {row.state for row in Delivery.objects.all()} == {State.SENT, State.DELIVERED}


# Which files are named, the code of the problem, and the pointer and code of what is wrong.
WRONG: dict[str, tuple[list[str], str, str, str]] = {
    "unknown": (["nowhere"], "unknown_attachment", "/attachments/0", ""),
    "another service's": (["mine", "foreign"], "unknown_attachment", "/attachments/1", ""),
    "expired": (["expired"], "unknown_attachment", "/attachments/0", ""),
    "another person's": (["shared", "bobs"], "attachment_of_another", "/attachments/1", ""),
    "too large together": (["shared", "mine"], "attachments_too_large", "/attachments", ""),
    "twice": (["mine"] * 2, "validation_failed", "/attachments/1", "duplicate_attachment"),
    "too many": (["nowhere"] * 11, "validation_failed", "/attachments", "max_length"),
    "no id": (["../a.pdf"], "validation_failed", "/attachments/0", "invalid"),
}


@pytest.mark.parametrize(("named", "code", "pointer", "fault"), WRONG.values(), ids=WRONG)
def test_what_cannot_go_along_is_refused_at_every_door(
    api: APIClient, settings: Any, named: list[str], code: str, pointer: str, fault: str
) -> None:
    there = {
        "mine": upload(api, user_id="ann"),
        "bobs": upload(api, user_id="bob"),
        "shared": upload(api),
        "foreign": upload(client_for(Mode.LIVE, make_service("other"))),
        "expired": upload(api),
        "nowhere": str(uuid4()),
    }
    Attachment.objects.filter(uuid=there["expired"]).update(expires_at=datetime.now(UTC))
    settings.ATTACHMENT_MOST_BYTES = 2 * len(PDF) - 1
    said = body(*(there.get(name, name) for name in named))
    answers = [
        api.post(address, said, format="json")
        for address in (URL, f"{URL}/send", "/api/v1/explain")
    ]
    items = {"notifications": [said, body(to="cy")]}
    results = api.post(f"{URL}/bulk", items, format="json").json()["results"]

    assert {answer.status_code for answer in answers} == {422}
    for problem in (*(answer.json() for answer in answers), results[0]["error"]):
        assert problem["code"] == code
        (told,) = problem["errors"]
        assert (told["pointer"], told["code"]) == (pointer, fault or code)
    assert results[1]["status"] == "accepted"
    assert Notification.objects.count() == 1


CROWD = [f"u{number}" for number in range(1001)]


@pytest.mark.parametrize(
    "to", [["ann", "bob"], {"topic": "news"}, CROWD], ids=["two people", "a topic", "a long list"]
)
def test_a_persons_file_goes_to_nobody_beside_them(api: APIClient, to: Any) -> None:
    make_topic("news")
    for file, code in (
        (upload(api, user_id="ann"), "attachment_of_another"),
        (str(uuid4()), "unknown_attachment"),
    ):
        answer = api.post(URL, body(file, to=to), format="json")
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not Audience.objects.exists()


def test_every_way_in_keeps_what_was_named(api: APIClient, provider: Ledger, run: Run) -> None:
    shared, mine = upload(api), upload(api, user_id="ann")
    wanted = [UUID(shared), UUID(mine)]
    first = send(api, shared, mine)
    key = {"Idempotency-Key": "k"}
    for _ in range(2):
        again = api.post(URL, body(shared, mine), format="json", headers=key)
        assert again.status_code == 202
    items = [body(shared, mine), body(shared, to="bob"), body(to="cy")]
    answer = api.post(f"{URL}/bulk", {"notifications": items}, format="json").json()
    assert {one["status"] for one in answer["results"]} == {"accepted"}

    by_person: dict[str, list[Any]] = {}
    users = dict(Recipient.objects.values_list("id", "user_id"))
    for row in Notification.objects.order_by("id"):
        by_person.setdefault(users[row.recipient_id], []).append(row.attachments)
    assert by_person == {"ann": [wanted] * 3, "bob": [[UUID(shared)]], "cy": [None]}
    id_ = first["notifications"][0]["id"]
    assert api.get(f"{URL}/{id_}").json()["attachments"] == [shared, mine]
    run()
    assert sorted(len(mail.attachments) for mail in provider.taken) == [0, 1, 2, 2, 2]


def test_each_of_an_audience_gets_the_file(api: APIClient, provider: Ledger, run: Run) -> None:
    topic = make_topic("news")
    for user_id in ("ann", "bob"):
        make_recipient(user_id, email=f"{user_id}@example.com")
    subscribe(topic, "ann", "bob")
    send(api, upload(api), to={"topic": "news"})
    run()
    assert [[file.content for file in mail.attachments] for mail in provider.taken] == [[PDF]] * 2


def test_what_names_no_file_asks_nothing_about_files(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    upload(api)
    with CaptureQueriesContext(connection) as queries:
        send(api, to=["ann", "bob"])
        api.post(f"{URL}/bulk", {"notifications": [body(to="cy")]}, format="json")
        run()
    asked = [one["sql"] for one in queries if "FROM attachment" in one["sql"]]
    assert asked == []


def test_mails_of_one_flight_share_what_is_opened_in_two_queries(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    shared = upload(api)
    for user_id in ("ann", "bob", "cy"):
        send(api, shared, to=user_id)
    with CaptureQueriesContext(connection) as queries:
        run()
    assert len([one for one in queries if "FROM attachment" in one["sql"]]) == 2
    assert len({id(mail.attachments[0]) for mail in provider.taken}) == 1


def test_what_does_not_fit_into_memory_goes_with_the_next_flight(
    api: APIClient, provider: Ledger, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 2 * len(PDF))
    flights: list[int] = []
    real = files.of

    def counted(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        flights.append(sum(isinstance(one, tuple) for one in found.values()))
        return found

    monkeypatch.setattr(files, "of", counted)
    shared = upload(api)
    large = upload(api, "large.pdf", 3 * PDF)
    for user_id in ("ann", "bob", "cy", "dan"):
        send(api, shared, to=user_id)
    send(api, large, to="eve")
    run()
    assert sorted(mail.address.partition("@")[0] for mail in provider.taken) == [
        "ann", "bob", "cy", "dan", "eve",
    ]  # fmt: skip
    assert sum(flights) == 5
    assert max(flights) == 2
    mails = Delivery.objects.filter(channel=EMAIL.number)
    assert {(row.state, row.attempts) for row in mails} == {(State.SENT, 1)}


def test_a_mail_whose_file_was_deleted_fails_and_says_so(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    gone, there = upload(api), upload(api)
    id_ = send(api, gone, there)["notifications"][0]["id"]
    send(api, there, to="bob")
    assert api.delete(f"/api/v1/attachments/{gone}").status_code == 204
    run()
    assert [mail.address for mail in provider.taken] == ["bob@example.com"]
    found = {one["channel"]: one for one in api.get(f"{URL}/{id_}").json()["deliveries"]}
    assert (found["email"]["status"], found["email"]["reason"]) == ("failed", "attachment_gone")
    assert found["in_app"]["status"] == "delivered"
    told = api.get(f"{URL}/{id_}/timeline").json()["results"]
    assert any("a file that was to go with it had been deleted" in one["text"] for one in told)


def test_a_file_that_does_not_open_under_its_readers_key_is_not_sent(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    mine = upload(api, user_id="ann")
    send(api, mine)
    bob = make_recipient("bob")
    Attachment.objects.update(recipient_id=bob.pk)
    Notification.objects.update(recipient_id=bob.pk)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE address SET recipient_id = %s", [bob.pk])
    run()
    assert provider.taken == []
    assert set(Delivery.objects.filter(channel=EMAIL.number).values_list("reason", flat=True)) <= {
        Reason.RENDER_FAILED
    }


def test_a_retry_and_a_replay_carry_the_same_file(
    api: APIClient, provider: Ledger, run: Run
) -> None:
    send(api, upload(api))
    provider.script = [OutcomeKind.TRANSIENT]
    mails = Delivery.objects.filter(channel=EMAIL.number)
    run()
    mails.update(due_at=datetime.now(UTC))
    provider.script = [OutcomeKind.TRANSIENT]
    run()
    mails.update(state=State.DEAD, due_at=None)
    replayer = Caller(service_id=0, service_key="", key_id=0, mode=Mode.LIVE, scopes=ALL)
    assert replaying.one(mails.get().pk, caller=replayer) is not None
    mails.update(due_at=datetime.now(UTC))
    run()
    (mail,) = provider.taken
    assert mail.attachments[0].content == PDF


def test_a_send_keeps_a_file_for_as_long_as_it_may_need_it(
    api: APIClient, django_assert_num_queries: Any
) -> None:
    file = upload(api)
    first = expiry(api, file)
    send(api, file)
    assert expiry(api, file) == first  # not with each send
    at = datetime.now(UTC) + timedelta(days=100)
    send(api, file, send_at=at.isoformat())
    assert expiry(api, file) == at + timedelta(days=30)
    send(api, file)
    assert expiry(api, file) == at + timedelta(days=30)


def test_explain_shows_the_files_and_which_steps_carry_them(api: APIClient) -> None:
    file = upload(api, "Größe.pdf", user_id="ann")
    before = expiry(api, file)
    later = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    said = api.post("/api/v1/explain", body(file, send_at=later), format="json").json()
    assert [(one["id"], one["name"], one["size"]) for one in said["attachments"]] == [
        (file, "Größe.pdf", len(PDF))
    ]
    steps = said["recipients"][0]["steps"]
    assert [(step["channel"], step["attachments"]) for step in steps] == [
        ("email", [file]),
        ("in_app", []),
    ]
    assert expiry(api, file) == before


def expiry(api: APIClient, file: str) -> datetime:
    return datetime.fromisoformat(api.get(f"/api/v1/attachments/{file}").json()["expires_at"])
