"""People say on one page what they want; it needs a link or a login, and nothing else."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from delivery.channels import EMAIL, SMS
from preferences import categories, links, topics, wishes
from preferences.models import CategoryKind, CategorySetting, Choice, Recipient
from preferences.wishes import By
from tests.factories import make_category, make_recipient, make_topic
from tests.preferences.pages.conftest import choices_only, full

pytestmark = pytest.mark.django_db

API = By(actor="key:ntf_ab", source="api")


@pytest.fixture
def ann() -> Recipient:
    return make_recipient("ann", email="ann@example.com", phone="+491701234567")


def shown(person: Recipient) -> dict[str, Any]:
    loaded = wishes.load([person.pk])[person.pk]
    return wishes.effective(loaded, categories.every(), now=timezone.now())


def subscribe(person: Recipient, key: str) -> None:
    wishes.set_preferences(person.pk, {"topics": [key]}, by=API, now=timezone.now())


def fields(page: Any) -> dict[str, Any]:
    """What a browser would send if nothing was touched."""
    was = json.loads(page.context["carried"])
    ticked = {name: was[name] for name in ("cell", "topic")}
    alone = {name: values[0] for name, values in was.items() if name not in ticked}
    return {**alone, **ticked, "was": page.context["carried"]}


def save(client: Client, url: str, **changes: Any) -> Any:
    """Open the page, change some fields, and send it back."""
    said = {name.replace("__", ":"): value for name, value in changes.items()}
    return client.post(url, fields(client.get(url)) | said)


def test_opening_the_page_changes_nothing(visit: Client, ann: Recipient, held: Any) -> None:
    make_category("orders")
    before = held()

    answer = visit.get(choices_only(ann))

    assert answer.status_code == 200
    assert held() == before
    assert not answer.cookies


def test_sending_it_back_untouched_changes_nothing(
    visit: Client, ann: Recipient, held: Any
) -> None:
    make_category("orders")
    make_category("news", kind=CategoryKind.MARKETING)
    before = held()

    answer = save(visit, choices_only(ann))

    assert answer.status_code == 302
    assert held() == before


def test_a_switch_turned_is_a_choice_and_the_others_stay_by_default(
    visit: Client, ann: Recipient
) -> None:
    make_category("orders")

    answer = save(visit, choices_only(ann), cell=["orders:in_app"])

    assert answer.headers["Location"] == f"{choices_only(ann)}?saved=1"
    made = Choice.objects.get()
    assert (made.channel, made.enabled, made.source) == (EMAIL.number, False, "person")


def test_after_saving_the_page_says_so_and_who_decided(visit: Client, ann: Recipient) -> None:
    make_category("orders")
    answer = save(visit, choices_only(ann), cell=["orders:in_app"])

    page = visit.get(answer.headers["Location"]).content.decode()

    assert "Saved. It holds from now on" in page
    assert "your choice of" in page
    assert "by default" in page


def test_what_changed_elsewhere_meanwhile_stays(visit: Client, ann: Recipient) -> None:
    make_category("orders")
    url = choices_only(ann)
    opened = fields(visit.get(url))
    body = {"categories": {"orders": {"channels": {"sms": {"enabled": True}}}}}
    wishes.set_preferences(ann.pk, body, by=API, now=timezone.now())

    visit.post(url, opened | {"cell": ["orders:in_app"]})

    on = shown(ann)["categories"]["orders"]["channels"]
    assert [key for key, one in on.items() if one["enabled"]] == ["sms", "in_app"]


def test_marketing_is_off_until_the_person_agrees_and_the_words_are_kept(
    visit: Client, ann: Recipient
) -> None:
    news = make_category("news", kind=CategoryKind.MARKETING, default_channels=[EMAIL.number])

    save(visit, choices_only(ann), cell=["news:email"])

    entry = news.consent_set.get()
    assert (entry.given, entry.way) == (True, "preference_centre")
    assert entry.text.startswith("By turning on offers and news I agree that Acme sends me them")


def test_the_last_way_of_what_is_needed_is_locked_and_says_why(
    visit: Client, ann: Recipient
) -> None:
    make_category("security", kind=CategoryKind.SECURITY, mandatory=True, default_channels=[1])

    page = visit.get(choices_only(ann))
    answer = visit.post(choices_only(ann), fields(page) | {"cell": []})

    assert "One way must stay on. Turn on another one first." in page.content.decode()
    assert answer.status_code == 302
    assert shown(ann)["categories"]["security"]["channels"]["email"]["enabled"]


def test_not_all_ways_of_what_is_needed_can_go_at_once(visit: Client, ann: Recipient) -> None:
    make_category("security", kind=CategoryKind.SECURITY, mandatory=True)

    answer = save(visit, choices_only(ann), cell=[], pause="2036-01-01T08:00")

    assert answer.status_code == 422
    assert "One way must stay on for this." in answer.content.decode()
    assert 'value="2036-01-01T08:00"' in answer.content.decode()
    assert not Choice.objects.exists()


def test_quiet_hours_day_by_day_come_back_as_they_were_filled_in(
    visit: Client, ann: Recipient
) -> None:
    times = {"monday__0__start": "22:00", "monday__0__end": "07:00"}
    times |= {"sunday__0__start": "00:00", "sunday__0__end": "00:00"}

    save(visit, choices_only(ann), quiet="days", **times)

    assert shown(ann)["quiet_hours"] == {
        "timezone": None,
        "days": {
            "monday": [{"start": "22:00", "end": "07:00"}],
            "sunday": [{"start": "00:00", "end": "00:00"}],
        },
    }
    again = fields(visit.get(choices_only(ann)))
    assert (again["quiet"], again["monday:0:start"], again["sunday:0:end"]) == (
        "days",
        "22:00",
        "00:00",
    )


def test_quiet_hours_for_every_day_are_one_line(visit: Client, ann: Recipient) -> None:
    save(visit, choices_only(ann), quiet="same", every__0__start="21:30", every__0__end="06:30")

    week = shown(ann)["quiet_hours"]["days"]
    assert len(week) == 7
    assert week["thursday"] == [{"start": "21:30", "end": "06:30"}]
    again = fields(visit.get(choices_only(ann)))
    assert (again["quiet"], again["every:0:start"]) == ("same", "21:30")


def test_quiet_hours_can_end(visit: Client, ann: Recipient) -> None:
    save(visit, choices_only(ann), quiet="same", every__0__start="21:30", every__0__end="06:30")

    save(visit, choices_only(ann), quiet="none")

    assert shown(ann)["quiet_hours"] is None


def test_a_day_keeps_all_its_windows(visit: Client, ann: Recipient) -> None:
    windows = [{"start": "12:00", "end": "13:00"}, {"start": "22:00", "end": "07:00"}]
    week = {"timezone": "Asia/Tokyo", "days": {"friday": windows}}
    wishes.set_preferences(ann.pk, {"quiet_hours": week}, by=API, now=timezone.now())

    save(visit, choices_only(ann), friday__1__end="08:00")

    windows[1]["end"] = "08:00"
    assert shown(ann)["quiet_hours"] == week


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [("22:00", "", "Both times are needed, or none."), ("25:00", "07:00", "such as 22:00")],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(
    visit: Client, ann: Recipient, start: str, end: str, says: str
) -> None:
    make_category("orders")
    times = {"tuesday__0__start": start, "tuesday__0__end": end}

    answer = save(visit, choices_only(ann), quiet="days", cell=["orders:sms"], **times)

    line = next(line for line in answer.context["days"] if line.name == "tuesday:0")
    assert answer.status_code == 422
    assert says in line.error
    assert (line.start, line.end) == (start, end)
    assert [one["on"] for one in answer.context["rows"][0]["cells"]] == [False, True, False]
    assert not Choice.objects.exists()


def test_a_pause_is_meant_in_the_zone_chosen_with_it(visit: Client, ann: Recipient) -> None:
    save(visit, choices_only(ann), pause="2036-07-01T09:00", timezone="Europe/Berlin")

    assert shown(ann)["paused_until"] == datetime(2036, 7, 1, 7, 0, tzinfo=UTC)
    assert fields(visit.get(choices_only(ann)))["pause"] == "2036-07-01T09:00"


@pytest.mark.parametrize("moment", ["2020-01-01T08:00", "soon"])
def test_a_pause_is_until_a_time_to_come(visit: Client, ann: Recipient, moment: str) -> None:
    answer = save(visit, choices_only(ann), pause=moment)

    assert answer.status_code == 422
    assert list(answer.context["errors"]) == ["pause"]


def test_a_pause_is_lifted_by_clearing_it(visit: Client, ann: Recipient) -> None:
    save(visit, choices_only(ann), pause="2036-07-01T09:00")

    save(visit, choices_only(ann), pause="")

    assert shown(ann)["paused_until"] is None


def test_a_category_is_snoozed_and_stays_so_until_it_is_woken(
    visit: Client, ann: Recipient
) -> None:
    make_category("orders")
    save(visit, choices_only(ann), snooze__orders="7")
    snoozed = CategorySetting.objects.get().snoozed_until
    assert timedelta(days=6) < snoozed - timezone.now() < timedelta(days=8)

    save(visit, choices_only(ann), locale="de")
    assert CategorySetting.objects.get().snoozed_until == snoozed

    save(visit, choices_only(ann), snooze__orders="")
    assert CategorySetting.objects.get().snoozed_until is None


def test_language_zone_and_first_choice_are_kept(visit: Client, ann: Recipient) -> None:
    make_category("orders")

    save(visit, choices_only(ann), locale="de", timezone="Europe/Vienna", prefer__orders="sms")

    said = shown(ann)
    assert (said["locale"], said["timezone"]) == ("de", "Europe/Vienna")
    assert CategorySetting.objects.get().preferred_channel == SMS.number


def test_the_page_speaks_the_persons_language(visit: Client) -> None:
    make_category("orders", translations={"de": {"name": "Bestellungen"}})
    ann = make_recipient(locale="de")

    page = visit.get(choices_only(ann))

    assert page.headers["Content-Language"] == "de"
    for text in (
        "Bestellungen",
        "Ruhezeiten",
        "Montag",
        "Einstellungen speichern",
        "voreingestellt",
    ):
        assert text in page.content.decode()


def test_nonsense_from_outside_is_a_mistake_and_no_error(visit: Client, ann: Recipient) -> None:
    make_category("orders")
    url = choices_only(ann)

    answers = [
        visit.post(url, {"was": "[" * 50_000}),
        visit.post(url, {"was": '{"cell": "x"}', "cell": ["orders:email", "no:such"]}),
        visit.post(url, fields(visit.get(url)) | {"timezone": "../../etc/passwd"}),
        visit.post(url, fields(visit.get(url)) | {"prefer:orders": "pigeon"}),
        visit.put(url),
    ]

    assert [answer.status_code for answer in answers] == [302, 302, 422, 422, 405]


def test_a_link_from_a_message_opens_choices_only(visit: Client, ann: Recipient) -> None:
    page = visit.get(choices_only(ann)).content.decode()
    link = full(ann)
    whole = visit.get(link).content.decode()

    assert "This link opens your choices only." in page
    assert f"{link}yours/" in whole
    assert "yours/" not in page


def test_a_link_that_was_asked_for_ends_after_an_hour(visit: Client, ann: Recipient) -> None:
    long_ago = timezone.now() - links.ASKED_FOR - timedelta(seconds=1)
    url = links.full_preferences_url(ann.subject, now=long_ago)

    answer = visit.get(url.removeprefix("http://testserver"))

    assert answer.status_code == 410
    assert "This link has expired" in answer.content.decode()


@pytest.mark.parametrize("url", ["/preferences/x/", "/preferences/" + "A" * 300 + "/"])
def test_a_link_that_was_cut_off_is_answered_kindly(visit: Client, url: str, db: None) -> None:
    answer = visit.get(url)

    assert answer.status_code == 404
    assert "This link is not complete" in answer.content.decode()


def test_who_is_logged_in_needs_no_link(logged_in: Any, ann: Recipient) -> None:
    make_category("orders")

    page = logged_in(ann).get("/preferences/")

    assert page.status_code == 200
    assert "csrfmiddlewaretoken" in page.content.decode()


def test_a_session_changes_nothing_without_a_csrf_token(logged_in: Any, ann: Recipient) -> None:
    make_category("orders")
    client = logged_in(ann)
    opened = fields(client.get("/preferences/")) | {"cell": []}

    refused = client.post("/preferences/", opened)
    token = client.cookies["csrftoken"].value
    taken = client.post("/preferences/", opened | {"csrfmiddlewaretoken": token})

    assert (refused.status_code, taken.status_code) == (403, 302)


def test_who_is_nobody_is_told_how_to_get_in(visit: Client, db: None) -> None:
    answer = visit.get("/preferences/")

    assert answer.headers["Location"] == "/preferences/link/"


def test_names_cannot_bring_markup_along(visit: Client, ann: Recipient) -> None:
    make_category("orders", name="<script>alert(1)</script>", description="<img src=x>")

    page = visit.get(choices_only(ann)).content.decode()

    assert "<script" not in page
    assert "<img" not in page


def test_it_takes_a_fixed_number_of_queries(
    visit: Client, ann: Recipient, django_assert_num_queries: Any
) -> None:
    for key in ("orders", "parcels", "security"):
        make_category(key)

    for _ in range(3):
        make_topic()

    with django_assert_num_queries(5):
        visit.get(choices_only(ann))


def test_topics_are_subscribed_to_with_the_rest_of_the_form(visit: Client, ann: Recipient) -> None:
    make_category("orders")
    make_topic("roses"), make_topic("ferns"), make_topic("moss")
    subscribe(ann, "roses")

    save(visit, choices_only(ann), topic=["ferns", "moss"], cell=["orders:in_app"])

    assert topics.set_of(ann.pk) == {"ferns", "moss"}
    assert fields(visit.get(choices_only(ann)))["topic"] == ["ferns", "moss"]
    assert Choice.objects.get().channel == EMAIL.number


def test_all_topics_can_be_left(visit: Client, ann: Recipient) -> None:
    make_topic("roses")
    subscribe(ann, "roses")

    save(visit, choices_only(ann), topic=[])

    assert topics.set_of(ann.pk) == frozenset()


def test_topics_left_and_joined_elsewhere_meanwhile_stay_so(visit: Client, ann: Recipient) -> None:
    make_topic("roses"), make_topic("ferns"), make_topic("moss")
    subscribe(ann, "roses")
    url = choices_only(ann)
    opened = fields(visit.get(url))
    wishes.set_preferences(ann.pk, {"topics": ["moss"]}, by=API, now=timezone.now())

    visit.post(url, opened | {"topic": ["roses", "ferns"]})

    assert topics.set_of(ann.pk) == {"ferns", "moss"}


def test_a_topic_removed_meanwhile_is_passed_over(visit: Client, ann: Recipient) -> None:
    make_topic("roses")
    gone = make_topic("ferns")
    url = choices_only(ann)
    opened = fields(visit.get(url))
    topics.remove(gone, actor="test")

    answer = visit.post(url, opened | {"topic": ["roses", "ferns", "no_such"]})

    assert answer.status_code == 302
    assert topics.set_of(ann.pk) == {"roses"}


def test_a_mistake_elsewhere_keeps_the_topics_that_were_ticked(
    visit: Client, ann: Recipient
) -> None:
    make_topic("roses")

    answer = save(visit, choices_only(ann), topic=["roses"], pause="soon")

    assert answer.status_code == 422
    assert [topic["on"] for topic in answer.context["topics"]] == [True]
    assert topics.set_of(ann.pk) == frozenset()


def test_topics_are_named_in_the_persons_language(visit: Client) -> None:
    roses = {"name": "Rosen", "description": "Was sie lieben."}
    make_topic("roses", description="What they love.", translations={"de": roses})

    german = visit.get(choices_only(make_recipient(locale="de-CH"))).content.decode()
    english = visit.get(choices_only(make_recipient(locale="en"))).content.decode()

    for text in ("Themen", "Rosen", "Was sie lieben.", "Abonniere, was dich interessiert."):
        assert text in german
    for text in ("Topics", "Roses", "What they love.", "Subscribe to what interests you."):
        assert text in english


def test_where_there_are_no_topics_nothing_is_said_of_them(visit: Client, ann: Recipient) -> None:
    page = visit.get(choices_only(ann)).content.decode()

    assert "Topics" not in page
