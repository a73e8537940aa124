"""The sandbox: what it keeps, what it simulates, and that it reaches nobody."""

import json
import stat
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from delivery import people, registry, sandbox
from delivery.channels import EMAIL, IN_APP, MOBILE_PUSH, SMS
from delivery.contracts import Action, Attachment, Message
from delivery.lifecycle import OutcomeKind
from delivery.models import InboxItem, OutboxMessage
from delivery.sandbox import Sandbox
from notifysite.plumbing.crypto import new_data_key
from preferences.models import Recipient
from tests.delivery.providers.messages import CONTENT, message, saying

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> Recipient:
    _, wrapped = new_data_key()
    return Recipient.objects.create(user_id="ann", data_key=wrapped)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "var" / "outbox"


@pytest.fixture
def shown(folder) -> Sandbox:
    """A sandbox that keeps what it takes."""
    return Sandbox("sandbox", folder=str(folder), delay=0.0)


def kinds(provider, messages: list[Message]) -> dict[str, tuple[OutcomeKind, str]]:
    by_reference = {each.reference: each.address for each in messages}
    outcomes = list(provider.send(messages))
    assert len(outcomes) == len(messages)
    return {by_reference[each.reference]: (each.kind, each.code) for each in outcomes}


def today() -> str:
    return datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize("folder_or_none", [True, False], ids=["sandbox", "test"])
def test_simulated_addresses_choose_what_becomes_of_a_message(ann, folder, folder_or_none) -> None:
    provider = Sandbox("any", folder=str(folder) if folder_or_none else None, delay=0.0)
    words = ("delivered", "permanent-fail", "temporary-fail", "slow", "silent")
    addresses = [f"{word}@simulator.notifysite.test" for word in words]
    messages = [message(each, recipient=ann.pk) for each in [*addresses, "ann@example.com"]]
    assert kinds(provider, messages) == {
        addresses[0]: (OutcomeKind.DELIVERED, "simulated_delivered"),
        addresses[1]: (OutcomeKind.REFUSED_ADDRESS, "simulated_permanent_fail"),
        addresses[2]: (OutcomeKind.TRANSIENT, "simulated_temporary_fail"),
        addresses[3]: (OutcomeKind.DELIVERED, "simulated_slow"),
        addresses[4]: (OutcomeKind.ACCEPTED, "simulated_silent"),
        "ann@example.com": (OutcomeKind.DELIVERED, ""),
    }


def test_slow_addresses_answer_last_and_after_their_delay() -> None:
    provider = Sandbox("test", delay=0.3)
    slow, quick = message("slow@simulator.notifysite.test"), message()
    first, second = provider.send([slow, quick])
    assert (first.reference, second.reference) == (quick.reference, slow.reference)
    assert second.took >= 0.3


def test_a_kept_message_is_read_back_as_it_was_said(shown, ann) -> None:
    sealed = message(
        recipient=ann.pk,
        headers={"List-Id": "news.acme.test"},
        content=CONTENT,
    )
    list(shown.send([sealed]))
    (row,) = OutboxMessage.objects.all()
    assert (row.delivery_id, row.notification_id) == (sealed.reference, sealed.notification)
    assert (row.recipient_id, row.channel, row.outcome) == (
        ann.pk,
        EMAIL.number,
        OutcomeKind.DELIVERED,
    )
    assert b"order" not in bytes(row.content)
    assert sandbox.read([row]) == {
        row.pk: {
            "address": "ann@example.com",
            "headers": {"List-Id": "news.acme.test"},
            "category": "orders",
            "type": "order_shipped",
            "locale": "en",
            "subject": CONTENT.subject,
            "preheader": "",
            "title": CONTENT.title,
            "text": CONTENT.text,
            "html": CONTENT.html,
            "url": CONTENT.url,
            "image": "",
            "icon": "",
            "actions": [],
            "attachments": [],
        }
    }


def test_a_batch_is_kept_by_one_insert(shown, ann, django_assert_num_queries) -> None:
    messages = [message(recipient=ann.pk) for _ in range(20)]
    with django_assert_num_queries(2):  # the keys, the rows
        list(shown.send(messages))
    assert OutboxMessage.objects.count() == 20


def test_what_failed_is_in_the_outbox_too_but_is_no_file(shown, folder, ann) -> None:
    address = "temporary-fail@simulator.notifysite.test"
    list(shown.send([message(address, recipient=ann.pk)]))
    assert [row.outcome for row in OutboxMessage.objects.all()] == [OutcomeKind.TRANSIENT]
    assert not folder.exists()


def test_a_second_copy_can_be_seen(shown, folder, ann) -> None:
    sealed = message(recipient=ann.pk)
    list(shown.send([sealed]))
    list(shown.send([sealed]))
    assert OutboxMessage.objects.filter(delivery_id=sealed.reference).count() == 2


def test_a_mail_becomes_a_file_that_mail_programs_open(shown, folder, ann) -> None:
    sealed = saying(subject="Ihre Bücher")
    list(
        shown.send([message(reference=sealed.reference, content=sealed.content, recipient=ann.pk)])
    )
    (file,) = folder.iterdir()
    assert file.name == f"{today()}-email-{sealed.reference}.eml"
    parsed = message_from_bytes(file.read_bytes().replace(b"\r\n", b"\n"), policy=policy.default)
    assert parsed["To"] == "ann@example.com"
    assert parsed["Subject"] == "Ihre Bücher"
    assert parsed.get_body(("plain",)).get_content() == CONTENT.text
    assert parsed.get_body(("html",)).get_content() == CONTENT.html


def test_any_other_message_becomes_a_json_file(shown, folder, ann) -> None:
    sealed = message("+15555550100", recipient=ann.pk, channel=SMS.number)
    list(shown.send([sealed]))
    (file,) = folder.iterdir()
    assert file.name == f"{today()}-sms-{sealed.reference}.json"
    assert json.loads(file.read_bytes())["text"] == CONTENT.text


def test_files_and_their_folder_are_ours_alone(shown, folder, ann) -> None:
    list(shown.send([message(recipient=ann.pk)]))
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_actions_and_odd_letters_are_kept(shown, folder, ann) -> None:
    content = saying(
        text="half of a pair: \ud83c", actions=(Action(label="Öffnen", url="https://a.test"),)
    ).content
    token = "simulator-delivered"
    sealed = message(token, recipient=ann.pk, channel=MOBILE_PUSH.number, content=content)
    assert kinds(shown, [sealed]) == {token: (OutcomeKind.DELIVERED, "simulated_delivered")}
    (row,) = OutboxMessage.objects.all()
    said = sandbox.read([row])[row.pk]
    assert said["text"] == content.text
    assert said["actions"] == [{"label": "Öffnen", "url": "https://a.test"}]


def test_a_mail_nobody_could_send_is_refused_here_too(shown, folder, ann) -> None:
    two = message("ann@example.com, bob@example.com", recipient=ann.pk)
    outcomes = kinds(shown, [two, message(recipient=ann.pk)])
    assert outcomes == {
        two.address: (OutcomeKind.REFUSED_ADDRESS, "not_one_address"),
        "ann@example.com": (OutcomeKind.DELIVERED, ""),
    }


def test_nothing_is_kept_of_an_erased_person(shown, folder, ann) -> None:
    list(shown.send([message(recipient=ann.pk)]))
    Recipient.objects.filter(pk=ann.pk).update(data_key=None)
    assert sandbox.read(OutboxMessage.objects.all()) == {}
    outcomes = kinds(shown, [message("late@example.com", recipient=ann.pk)])
    assert outcomes == {"late@example.com": (OutcomeKind.REFUSED_MESSAGE, "erased")}
    assert OutboxMessage.objects.count() == 1
    assert len(list(folder.iterdir())) == 1


def test_a_row_that_was_altered_is_left_out(shown, ann) -> None:
    list(shown.send([message(recipient=ann.pk) for _ in range(2)]))
    first, second = OutboxMessage.objects.order_by("id")
    first.content = second.content
    assert list(sandbox.read([first, second])) == [second.pk]


def test_a_folder_that_cannot_be_written_means_later(ann, tmp_path) -> None:
    (tmp_path / "taken").write_text("a file")
    provider = Sandbox("sandbox", folder=str(tmp_path / "taken" / "outbox"))
    outcomes = kinds(provider, [message(recipient=ann.pk)])
    assert outcomes == {"ann@example.com": (OutcomeKind.TRANSIENT, "NotADirectoryError")}


def test_missing_keys_are_our_account(shown, folder, ann, settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    outcomes = kinds(shown, [message(recipient=ann.pk)])
    assert outcomes == {"ann@example.com": (OutcomeKind.ACCOUNT, "KeyMissing")}


def test_the_provider_of_test_keys_touches_nothing(
    ann, settings, django_assert_num_queries
) -> None:
    provider = registry.get(registry.TEST)
    item = message("", recipient=ann.pk, channel=IN_APP.number)
    with django_assert_num_queries(0):
        outcomes = kinds(provider, [item])
    assert outcomes == {"": (OutcomeKind.DELIVERED, "")}
    assert not InboxItem.objects.exists()
    assert not OutboxMessage.objects.exists()
    assert people.data_keys([ann.pk]).keys() == {ann.pk}


def test_nothing_to_send_needs_no_query(shown, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert list(shown.send([])) == []


def test_files_of_a_mail_are_in_its_eml_and_told_of_in_the_outbox(ann, shown, folder) -> None:
    file = Attachment(name="Größe.pdf", content_type="application/pdf", content=b"%PDF\x00\xff")
    kinds(shown, [message(recipient=ann.pk, attachments=(file,))])
    (path,) = folder.glob("*.eml")
    (part,) = message_from_bytes(path.read_bytes(), policy=policy.default).iter_attachments()
    assert (part.get_filename(), part.get_payload(decode=True)) == (file.name, file.content)
    (row,) = OutboxMessage.objects.all()
    assert sandbox.read([row])[row.pk]["attachments"] == [
        {"name": "Größe.pdf", "content_type": "application/pdf", "size": 6}
    ]
