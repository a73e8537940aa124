"""Files are uploaded once, kept encrypted, and go when their time or their person does."""

import hashlib
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from rest_framework.test import APIClient

from delivery.models import AuditEntry
from notifications import housekeeping
from notifications.attachments import naming, store
from notifications.models import Attachment
from notifications.words import Mode
from notifysite.plumbing import crypto
from preferences.models import Recipient
from tests.factories import make_recipient, make_service
from tests.notifications.conftest import client_for

pytestmark = pytest.mark.django_db
URL = "/api/v1/attachments"
PDF = b"%PDF-1.7 \x00\xff secret of Ann"


def upload(api: APIClient, name: str = "invoice.pdf", content: bytes = PDF, **said: Any) -> Any:
    headers = said.pop("headers", {})
    file = BytesIO(content)
    file.name = name
    return api.post(URL, {"file": file, **said}, format="multipart", headers=headers)


def refused(answer: Any) -> tuple[int, str, list[tuple[str, str]]]:
    assert answer["Content-Type"] == "application/problem+json"
    said = answer.json()
    return (
        answer.status_code,
        said["code"],
        [(fault["pointer"], fault["code"]) for fault in said["errors"]],
    )


def age(days: float) -> None:
    """Let so many days pass for every attachment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE attachment SET expires_at = expires_at - %s * interval '1 day'", [days]
        )


def test_an_upload_is_told_what_it_became(api: APIClient) -> None:
    answer = upload(api)
    assert answer.status_code == 201, answer.content
    said = answer.json()
    row = Attachment.objects.get()
    assert said == {
        "id": str(row.uuid),
        "name": "invoice.pdf",
        "content_type": "application/pdf",
        "size": len(PDF),
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "user_id": None,
        "created_at": said["created_at"],
        "expires_at": said["expires_at"],
    }
    kept = datetime.fromisoformat(said["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < kept <= timedelta(days=30)
    assert api.get(f"{URL}/{said['id']}").json() == said
    assert api.get(URL).json() == {"results": [said], "next": None, "previous": None}


def test_a_persons_file_is_under_their_key_and_any_other_under_its_own(api: APIClient) -> None:
    said = upload(api, user_id="ann").json()
    assert said["user_id"] == "ann"
    upload(api)
    theirs, shared = Attachment.objects.order_by("id")
    ann = Recipient.objects.get(user_id="ann")
    assert (theirs.recipient_id, theirs.data_key) == (ann.pk, None)
    assert shared.recipient_id is None
    for row, wrapped in ((theirs, ann.data_key), (shared, shared.data_key)):
        key = crypto.unwrap(wrapped)
        assert key.decrypt(row.content, context=f"attachment.content:{row.uuid}") == PDF
        assert b"secret" not in bytes(row.content)
        assert b"invoice" not in bytes(row.name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.PDF", "application/pdf"),
        ("Größe & Co.csv", "text/csv"),
        ("a.docx", naming._OFFICE[".docx"]),
        ("a.tar.gz", "application/gzip"),
        ("README", "application/octet-stream"),
        ("data:,x.pdf", "application/pdf"),
        ("a.unheard-of", "application/octet-stream"),
    ],
)
def test_the_name_says_what_a_file_is_whatever_the_client_says(
    api: APIClient, name: str, kind: str
) -> None:
    body = (
        f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: text/html\r\n\r\n<b>\r\n--x--\r\n"
    )
    answer = api.generic("POST", URL, body.encode(), "multipart/form-data; boundary=x")
    assert (answer.json()["name"], answer.json()["content_type"]) == (name, kind)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("setup.exe", "forbidden_file_type"),
        ("photo.jpg.JS", "forbidden_file_type"),
        ("run.bat. .", "forbidden_file_type"),
        ("exe", "forbidden_file_type"),
        ("mail.eml", "forbidden_file_type"),
        ("ж" * 127 + ".pdf", "too_long"),
        (". .", "invalid_name"),
    ],
)
def test_a_name_no_mailbox_takes_is_refused(api: APIClient, name: str, code: str) -> None:
    overall = code if code == "forbidden_file_type" else "validation_failed"
    assert refused(upload(api, name)) == (422, overall, [("/file", code)])
    assert not Attachment.objects.exists()


def test_quotes_in_a_name_come_as_clients_write_them_and_blanks_around_it_go(
    api: APIClient,
) -> None:
    body = (
        '--x\r\nContent-Disposition: form-data; name="file"; filename=" the %22big%22 one.pdf "'
        "\r\n\r\n%PDF\r\n--x--\r\n"
    )
    answer = api.generic("POST", URL, body.encode(), "multipart/form-data; boundary=x")
    assert answer.json()["name"] == 'the "big" one.pdf'


def test_a_path_before_a_name_is_cut_off(api: APIClient) -> None:
    body = (
        '--x\r\nContent-Disposition: form-data; name="file"; filename="../etc/a.pdf"\r\n\r\n'
        "%PDF\r\n--x--\r\n"
    )
    answer = api.generic("POST", URL, body.encode(), "multipart/form-data; boundary=x")
    assert answer.json()["name"] == "a.pdf"


@pytest.mark.parametrize("name", ["a/b.pdf", "a\\b.pdf", "a\n.pdf", "a\u202efdp.pdf", "", " "])
def test_a_name_is_one_printable_line(name: str) -> None:
    with pytest.raises(naming.NameRefused):
        naming.check(name)


def test_what_is_no_form_with_one_file_is_refused(api: APIClient) -> None:
    file = BytesIO(PDF)
    file.name = "a.pdf"
    cases: list[tuple[Any, Any]] = [
        (
            api.post(URL, {}, format="multipart"),
            (422, "validation_failed", [("/file", "required")]),
        ),
        (upload(api, content=b""), (422, "validation_failed", [("/file", "empty")])),
        (upload(api, color="red"), (422, "validation_failed", [("/color", "unknown_field")])),
        (
            upload(api, user_id="a/b"),
            (422, "validation_failed", [("/user_id", "invalid_character")]),
        ),
        (upload(api, other=file), (422, "validation_failed", [("/other", "unknown_field")])),
        (api.post(URL, {"file": "x"}, format="json"), (415, "unsupported_media_type", [])),
        (
            api.generic("POST", URL, b"--x\r\n", "multipart/form-data"),
            (400, "bad_request", []),
        ),
        (
            api.generic("POST", URL, b"", "multipart/form-data; boundary=x"),
            (400, "bad_request", []),
        ),
    ]
    for answer, expected in cases:
        assert refused(answer) == expected, answer.content
    assert not Attachment.objects.exists()


def test_a_file_larger_than_allowed_is_refused_whatever_its_length_is_said_to_be(
    api: APIClient, settings: Any
) -> None:
    settings.ATTACHMENT_MOST_BYTES = 1000
    assert upload(api, content=b"x" * 1000).status_code == 201
    assert refused(upload(api, content=b"x" * 1001)) == (413, "body_too_large", [])
    assert refused(upload(api, content=b"x" * 100_000)) == (413, "body_too_large", [])
    assert Attachment.objects.count() == 1


def test_the_same_upload_under_one_key_is_kept_once(api: APIClient) -> None:
    headers = {"Idempotency-Key": "invoice-7"}
    first, again = upload(api, headers=headers), upload(api, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (first.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (None, "true")
    other = refused(upload(api, content=b"other", headers=headers))
    assert other == (422, "idempotency_mismatch", [])
    assert upload(api).json()["id"] != upload(api).json()["id"]
    assert Attachment.objects.count() == 3


def test_a_service_sees_and_deletes_its_own_only(api: APIClient) -> None:
    id_ = upload(api).json()["id"]
    other = client_for(Mode.LIVE, make_service("other"))
    assert other.get(URL).json()["results"] == []
    assert other.get(f"{URL}/{id_}").status_code == other.delete(f"{URL}/{id_}").status_code == 404
    assert api.delete(f"{URL}/{id_}").status_code == 204
    assert api.delete(f"{URL}/{id_}").status_code == api.get(f"{URL}/{uuid4()}").status_code == 404
    assert AuditEntry.objects.get(action="attachment.deleted").target == f"attachment:{id_}"


def test_a_list_is_turned_over_page_by_page(api: APIClient, django_assert_num_queries: Any) -> None:
    ids = [upload(api, f"{number}.pdf").json()["id"] for number in range(3)]
    first = api.get(URL, {"limit": 2}).json()
    with django_assert_num_queries(2):
        second = api.get(first["next"]).json()
    assert [row["id"] for row in [*first["results"], *second["results"]]] == ids[::-1]
    assert (second["next"], api.get(second["previous"]).json()["results"]) == (
        None,
        first["results"],
    )


def test_what_has_expired_is_deleted_a_few_at_a_time(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        upload(api)
    age(30.01)
    kept = upload(api).json()["id"]
    monkeypatch.setattr(store, "FORGET_BATCH", 2)
    assert housekeeping.keep()["attachments"] == 3
    assert [str(row.uuid) for row in Attachment.objects.all()] == [kept]


def test_the_rotation_of_master_keys_covers_files(api: APIClient, settings: Any) -> None:
    old, new = (f"{name}:{crypto.generate_master_key()}" for name in ("old", "new"))
    settings.FIELD_ENCRYPTION_KEYS = [old]
    said = upload(api).json()
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    call_command("rotate_keys", stdout=StringIO())
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert api.get(f"{URL}/{said['id']}").json() == said


def test_a_persons_files_are_in_their_export_and_go_with_them(api: APIClient) -> None:
    make_recipient("ann", name="Ann")
    mine = upload(api, user_id="ann").json()
    shared = upload(api).json()["id"]
    (told,) = api.get("/api/v1/users/ann/export").json()["attachments"]
    assert told == {name: value for name, value in mine.items() if name != "user_id"}
    assert api.delete("/api/v1/users/ann").status_code in (200, 204)
    assert [str(row.uuid) for row in Attachment.objects.all()] == [shared]
