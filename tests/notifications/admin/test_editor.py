"""Words are written below their type: nothing typed is lost, nothing wrong is published."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from delivery import channels
from delivery.models import AuditEntry
from notifications.admin.words import fingerprint
from notifications.catalog import publish
from notifications.models import (
    Layout,
    LayoutVersion,
    NotificationType,
    Template,
    TemplateVersion,
    VersionState,
)
from tests import factories

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture
def kind(db: None) -> NotificationType:
    return factories.make_type(
        "order_shipped", steps=[], words={}, data_schema=SCHEMA, sample_data={"n": 4711}
    )


def url(kind: NotificationType, page: str = "words", channel: str = "email", *more: Any) -> str:
    args = [kind.pk, channel, "en", *more]
    return reverse(f"admin:notifications_notificationtype_{page}", args=args)


def typed(**said: Any) -> dict[str, Any]:
    return {
        "subject": "Order {{ data.n }}",
        "body": "<p>It is on its way</p>",
        "sample_data": '{"n": 4711}',
        "note": "",
        "base": fingerprint({}),
        **said,
    }


def test_looking_at_words_that_are_not_there_writes_nothing(
    desk: Client, kind: NotificationType
) -> None:
    assert desk.get(url(kind)).status_code == 200
    assert Template.objects.count() == 0


@pytest.mark.parametrize("where", ["email/e/", "nope/en/", "email/../"])
def test_what_is_no_channel_or_no_language_is_not_found(
    desk: Client, kind: NotificationType, where: str
) -> None:
    response = desk.get(f"/admin/notifications/notificationtype/{kind.pk}/words/{where}")
    assert response.status_code in (302, 404)
    assert Template.objects.count() == 0


def test_a_draft_takes_any_text(desk: Client, kind: NotificationType, boss: User) -> None:
    layout = Layout.objects.create(key="plain", name="Plain")
    broken = typed(body="<p>{% if %}\r\n<script>", layout=str(layout.pk), note="a try")
    assert desk.post(url(kind), broken).status_code == 302
    draft = TemplateVersion.objects.get()
    assert draft.source == {"subject": "Order {{ data.n }}", "body": "<p>{% if %}\n<script>"}
    assert (draft.state, draft.author, draft.note) == (VersionState.DRAFT, boss, "a try")
    assert draft.template.layout == layout


def test_publishing_names_line_and_column_and_keeps_the_draft(
    desk: Client, kind: NotificationType, told: Any
) -> None:
    wrong = typed(body="<p>Hello</p>\n<p>{{ data.n | nope }}</p>", _publish="1")
    response = desk.post(url(kind), wrong, follow=True)
    said = told(response)
    assert said[0] == "The draft is saved, but cannot be published yet:"
    assert said[1].startswith("body, line 2, column ")
    assert TemplateVersion.objects.get().state == VersionState.DRAFT
    assert "{{ data.n | nope }}" in response.content.decode().replace("&#x27;", "'")


def test_what_is_published_is_audited_and_listed_with_who_did_it(
    desk: Client, kind: NotificationType, boss: User, told: Any
) -> None:
    response = desk.post(url(kind), typed(_publish="1"), follow=True)
    assert told(response) == ["Version 1 is published."]
    version = TemplateVersion.objects.get()
    assert version.state == VersionState.PUBLISHED
    entry = AuditEntry.objects.get(action="template.publish")
    assert (entry.actor, entry.detail) == (f"admin:{boss.pk}", {"version": 1})
    (line,) = response.context["versions"]
    assert (line.word, line.by) == ("Published", "boss")


@pytest.mark.parametrize(
    ("sample", "complaint"),
    [
        ('{"n": "many"}', "/n: This must be of type integer."),
        ("{}", "/n: This is missing."),
        ("{broken", "Enter a valid JSON."),
        ("[1]", "Write an object such as"),
    ],
)
def test_a_sample_that_does_not_fit_is_refused_and_the_text_comes_back(
    desk: Client, kind: NotificationType, sample: str, complaint: str
) -> None:
    response = desk.post(url(kind), typed(sample_data=sample, body="<p>Dear text</p>"))
    assert response.status_code == 422
    page = response.content.decode()
    assert complaint in page
    assert "&lt;p&gt;Dear text&lt;/p&gt;" in page
    kind.refresh_from_db()
    assert kind.sample_data == {"n": 4711}


def test_a_sample_that_fits_is_saved_with_the_type(desk: Client, kind: NotificationType) -> None:
    desk.post(url(kind), typed(sample_data='{"n": 1}'))
    kind.refresh_from_db()
    assert kind.sample_data == {"n": 1}


def test_two_who_write_at_once_do_not_lose_each_others_text(
    desk: Client, kind: NotificationType
) -> None:
    desk.post(url(kind), typed(subject="Theirs"))
    response = desk.post(url(kind), typed(subject="Mine"))
    assert response.status_code == 409
    page = response.content.decode()
    assert "boss saved this template while you were writing" in page
    assert 'value="Mine"' in page
    assert TemplateVersion.objects.get().source["subject"] == "Theirs"
    again = typed(subject="Mine", base=response.context["form"]["base"].value())
    assert desk.post(url(kind), again).status_code == 302
    assert TemplateVersion.objects.get().source["subject"] == "Mine"


def test_the_text_is_checked_while_it_is_written(desk: Client, kind: NotificationType) -> None:
    said = desk.post(url(kind, "check"), typed(subject="Order {{ data.m }}")).json()
    assert said["failure"] == "With this sample data: subject: The variable data.m is missing."
    assert [one["said"] for one in said["problems"]] == [
        "data: data.m is not in the type's data schema."
    ]
    said = desk.post(url(kind, "check"), typed()).json()
    assert (said["problems"], said["failure"], said["subject"]) == ([], "", "Order 4711")
    assert said["text"] == "It is on its way"
    assert TemplateVersion.objects.count() == 0


@pytest.mark.parametrize(
    "channel", ["email", "sms", "web_push", "mobile_push", "in_app", "webhook", "chat"]
)
def test_a_preview_is_held_in_a_sandbox(desk: Client, kind: NotificationType, channel: str) -> None:
    said = typed(title="Order {{ data.n }}", text="Order {{ data.n }}", body="Order {{ data.n }}")
    response = desk.post(url(kind, "preview", channel), said)
    policy = response["Content-Security-Policy"].split("; ")
    assert policy[0] == "sandbox"
    assert "default-src 'none'" in policy
    assert not [part for part in policy if "script" in part or "allow" in part]
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert "no-store" in response["Cache-Control"]
    assert "Order 4711" in response.content.decode()
    assert Template.objects.count() == 0


def test_what_a_person_said_stays_text_in_a_preview(desk: Client, kind: NotificationType) -> None:
    NotificationType.objects.filter(pk=kind.pk).update(data_schema={})
    said = typed(text="Hello {{ data.n }}", sample_data='{"n": "<script>alert(1)</script>"}')
    page = desk.post(url(kind, "preview", "sms"), said).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>" not in page


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("Hello", "5 characters, GSM-7: 1 segment."),
        ("Soon — " + "a" * 64, "71 characters, UCS-2: 2 segments. Without <b>—</b> more would fit"),
        ("5\u00a0EUR", "5 characters, UCS-2: 1 segment. Without <b>U+00A0</b> more would fit"),
        ("a" * 1531, "It takes 11 segments of SMS; at most 10 are sent."),
    ],
)
def test_a_preview_of_an_sms_says_how_many_it_takes_and_why(
    desk: Client, kind: NotificationType, text: str, counted: str
) -> None:
    page = desk.post(url(kind, "preview", "sms"), typed(text=text)).content.decode()
    assert counted in " ".join(page.split())


def test_an_old_version_comes_back_as_a_draft(desk: Client, kind: NotificationType) -> None:
    desk.post(url(kind), typed(subject="First", _publish="1"))
    first = fingerprint(TemplateVersion.objects.get().source)
    desk.post(url(kind), typed(subject="Second", base=first, _publish="1"))
    page = desk.get(url(kind, "version", "email", 1))
    assert page.context["word"] == "Retired"
    desk.post(url(kind, "version_restore", "email", 1))
    draft = TemplateVersion.objects.get(state=VersionState.DRAFT)
    assert (draft.number, draft.source["subject"]) == (3, "First")
    assert TemplateVersion.objects.get(number=1).state == VersionState.RETIRED


def test_a_type_shows_what_is_published_drafted_and_missing(
    desk: Client, kind: NotificationType
) -> None:
    template = publish.say(kind, "sms", "en", {"text": "Hello"}, actor="test").template
    publish.draft(template, {"text": "Hello again"})
    change = reverse("admin:notifications_notificationtype_change", args=[kind.pk])
    matrix = desk.get(change).context["matrix"]
    assert matrix.locales == ("en", "de")
    words = {row.channel.key: [cell.word for cell in row.cells] for row in matrix.rows}
    assert words["sms"] == ["published + draft", "missing"]
    assert words["email"] == ["missing", "missing"]


def test_a_layout_is_checked_published_and_kept_in_versions(desk: Client, told: Any) -> None:
    layout = Layout.objects.create(key="plain", name="Plain")
    page = reverse("admin:notifications_layout_source", args=[layout.pk])
    assert desk.get(page).status_code == 200
    said = told(desk.post(page, {"source": "<mjml></mjml>", "_publish": "1"}, follow=True))
    assert said[0] == "The draft is saved, but cannot be published yet:"
    assert LayoutVersion.objects.get().state == VersionState.DRAFT
    good = "<mjml><mj-body>{{ content }}</mj-body></mjml>"
    said = told(desk.post(page, {"source": good, "_publish": "1"}, follow=True))
    assert said == ["Version 1 is published. Templates take it up when next published."]
    version = LayoutVersion.objects.get()
    assert (version.state, version.source) == (VersionState.PUBLISHED, good)
    preview = reverse("admin:notifications_layout_preview", args=[layout.pk])
    shown = desk.post(preview, {"source": good})
    assert "A heading" in shown.content.decode()
    assert shown["Content-Security-Policy"].startswith("sandbox; ")


GENERAL = {"subject": "", "title": "Order {{ data.n }}", "body": "It is late.", "url": "/o",
           "action_0_label": "See it", "action_0_url": "/o"}  # fmt: skip


@pytest.fixture
def late(db: None) -> NotificationType:
    return factories.make_type(
        "order_late",
        steps=[{"channel": "sms"}, {"channel": "in_app"}, {"channel": "email"}],
        words={"sms": {"text": "Late"}},
        data_schema=SCHEMA,
        sample_data={"n": 4711},
    )


def test_words_for_every_channel_are_written_once(
    desk: Client, late: NotificationType, told: Any
) -> None:
    layout = Layout.objects.create(key="plain", name="Plain")
    said = typed(**GENERAL, layout=str(layout.pk), _publish="1")

    assert told(desk.post(url(late, channel="general"), said, follow=True)) == [
        "Version 1 is published."
    ]

    version = TemplateVersion.objects.get(template__channel=0)
    assert version.source == {
        "title": "Order {{ data.n }}",
        "body": "It is late.",
        "url": "/o",
        "actions": [{"label": "See it", "url": "/o"}],
    }
    assert version.template.layout == layout
    assert set(version.compiled["channels"]) == {spec.key for spec in channels.every()}


@pytest.mark.parametrize(
    ("on", "shown"),
    [
        ("sms", "Order 4711\nIt is late.\nhttp://testserver/o"),
        ("in_app", "opens http://testserver/o"),
        ("email", '<a href="http://testserver/o"'),
        ("webhook", '<a href="http://testserver/o"'),  # no step asks for it: the first is shown
    ],
)
def test_words_for_every_channel_are_looked_at_on_each_that_a_step_asks_for(
    desk: Client, late: NotificationType, on: str, shown: str
) -> None:
    page = desk.get(url(late, channel="general"))
    assert [spec.key for spec in page.context["place"].shown_on()] == ["email", "sms", "in_app"]

    frame = desk.post(url(late, "preview", "general"), typed(**GENERAL, _on=on))

    assert shown in frame.content.decode()


def test_a_version_for_every_channel_can_be_looked_at_on_each(
    desk: Client, late: NotificationType
) -> None:
    desk.post(url(late, channel="general"), typed(**GENERAL, _publish="1"))
    page = desk.get(url(late, "version", "general", 1), {"on": "sms"})
    assert page.context["shown"].content["text"] == "Order 4711\nIt is late.\nhttp://testserver/o"
    frame = desk.get(url(late, "version_frame", "general", 1), {"on": "in_app"})
    assert "opens http://testserver/o" in frame.content.decode()


def test_html_has_no_place_in_words_for_every_channel(
    desk: Client, late: NotificationType, told: Any
) -> None:
    said = typed(**{**GENERAL, "body": "<p>Late</p>"}, _publish="1")
    assert told(desk.post(url(late, channel="general"), said, follow=True))[1] == (
        "body, line 1, column 1: This is plain text for every channel; "
        "write HTML in the email's own template."
    )


def test_a_type_shows_which_channels_take_the_words_for_every_channel(
    desk: Client, late: NotificationType
) -> None:
    desk.post(url(late, channel="general"), typed(**GENERAL, _publish="1"))
    change = reverse("admin:notifications_notificationtype_change", args=[late.pk])
    matrix = desk.get(change).context["matrix"]
    words = {row.channel.key: [cell.word for cell in row.cells] for row in matrix.rows}
    assert next(iter(words)) == "general"
    assert words["general"] == ["published", "missing"]
    assert words["sms"] == ["published", "missing"]
    assert words["in_app"] == ["general", "missing"]
    assert {row.channel.key for row in matrix.rows if row.used} == {
        "general", "sms", "in_app", "email",
    }  # fmt: skip


def test_the_list_of_templates_has_those_for_every_channel(
    desk: Client, late: NotificationType
) -> None:
    desk.post(url(late, channel="general"), typed(**GENERAL, _publish="1"))
    template = Template.objects.get(channel=0)
    page = desk.get(reverse("admin:notifications_template_changelist")).content.decode()
    assert "Every channel" in page
    there = desk.get(reverse("admin:notifications_template_change", args=[template.pk]))
    assert there["Location"] == url(late, channel="general")


def test_buttons_and_picture_of_a_mail_stay_when_it_is_saved(
    desk: Client, kind: NotificationType
) -> None:
    source = {"subject": "s", "body": "<p>b</p>", "image": "https://x.test/a.png",
              "actions": [{"label": "Go", "url": "https://x.test"}]}  # fmt: skip
    publish.say(kind, "email", "en", source, actor="test")
    form = desk.get(url(kind)).context["form"]
    same = {name: form[name].value() or "" for name in form.fields}

    desk.post(url(kind), {**same, "sample_data": '{"n": 4711}', "subject": "t"})

    draft = TemplateVersion.objects.get(state=VersionState.DRAFT)
    assert draft.source == {**source, "subject": "t"}
