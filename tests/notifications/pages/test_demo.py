"""The example shop: there beside the embedded stack, and nowhere else."""

import pytest
from django.test import Client

from notifications.catalog import versions
from notifications.demo import access, content, people
from notifications.models import Notification, NotificationType
from preferences.authentication import principal_of, read_token
from preferences.models import Recipient

pytestmark = pytest.mark.django_db
PAGES = ("/demo/", "/demo/token/", "/demo/send/", "/demo/language/")


@pytest.fixture
def sam(settings) -> Recipient:
    settings.EMBEDDED = True
    versions.forget()
    content.make()
    people.make()
    access.ensure_keys({})
    return Recipient.objects.get(user_id=people.FIRST)


@pytest.mark.parametrize("url", PAGES)
def test_elsewhere_there_is_no_such_page(visit: Client, sam: Recipient, settings, url: str) -> None:
    settings.EMBEDDED = False

    assert visit.get(url).status_code == 404
    assert Client().post(url).status_code == 404


@pytest.mark.parametrize("url", PAGES)
def test_without_demo_content_there_is_none_either(visit: Client, settings, url: str) -> None:
    settings.EMBEDDED = True

    assert visit.get(url).status_code == 404


def test_the_bell_gets_a_token_of_the_first_customer(visit: Client, sam: Recipient) -> None:
    fresh = visit.get("/demo/token/").json()["token"]

    subject = read_token(fresh, now=0)
    assert subject is not None
    assert principal_of(subject).recipient_id == sam.pk


def test_every_type_on_offer_can_be_sent(sam: Recipient) -> None:
    client = Client()
    keys = [kind.key for kind in client.get("/demo/").context["kinds"]]

    answers = [
        client.post("/demo/send/", {"type": key}, headers={"Accept": "application/json"})
        for key in keys
    ]

    assert {answer.status_code for answer in answers} == {202}
    assert Notification.objects.filter(recipient_id=sam.pk).count() == len(keys)
    assert "preferences_link" not in keys
    assert "order_shipped" in keys


def test_without_javascript_the_form_comes_back_to_the_page(sam: Recipient) -> None:
    answer = Client().post("/demo/send/", {"type": "order_shipped"}, follow=True)

    assert answer.redirect_chain == [("/demo/?sent=202", 302)]
    assert "It is on its way." in answer.content.decode()


def test_what_only_the_site_can_say_is_not_sent(sam: Recipient) -> None:
    answer = Client().post(
        "/demo/send/", {"type": "preferences_link"}, headers={"Accept": "application/json"}
    )

    assert answer.status_code == 409
    assert not Notification.objects.exists()


def test_another_site_cannot_send_from_here(visit: Client, sam: Recipient) -> None:
    assert visit.post("/demo/send/", {"type": "order_shipped"}).status_code == 403
    assert visit.post("/demo/language/", {"locale": "de"}).status_code == 403


def test_the_customer_learns_german(sam: Recipient) -> None:
    client = Client()

    client.post("/demo/language/", {"locale": "de"})

    page = client.get("/demo/")
    assert Recipient.objects.get(pk=sam.pk).locale == "de"
    assert page.headers["Content-Language"] == "de"
    assert client.post("/demo/language/", {"locale": "no such"}).status_code == 404


def test_a_type_switched_off_is_not_on_offer(sam: Recipient) -> None:
    NotificationType.objects.filter(key="order_shipped").update(active=False)

    assert "order_shipped" not in [kind.key for kind in Client().get("/demo/").context["kinds"]]
