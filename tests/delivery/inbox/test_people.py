"""The inbox with the site's own ways to log in: a recipient token, and a session."""

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from websockets.exceptions import InvalidStatus

from notifysite.asgi import application
from preferences.authentication import issue_token
from preferences.models import Recipient
from tests.delivery.inbox.serving import heard, serve

pytestmark = pytest.mark.django_db(transaction=True)

HELLO = {"type": "hello", "seq": 1, "unread": 1}


@pytest.fixture
def site(transactional_db, settings, by_user_id):
    settings.RECIPIENT_AUTHENTICATION = "preferences.authentication.RecipientAuthentication"
    settings.RECIPIENT_SCOPE_AUTHENTICATION = "preferences.authentication.authenticate_scope"
    with serve(application) as site:
        yield site


def token_of(person):
    return issue_token(person.subject, now=timezone.now())[0]


def test_a_token_opens_the_list_the_socket_and_the_stream(ann, put, site):
    [id] = put(ann)
    bearer = {"Authorization": f"Bearer {token_of(ann)}"}
    page = httpx.get(f"{site.url}/api/v1/inbox", headers=bearer, trust_env=False).json()
    assert [item["id"] for item in page["results"]] == [str(id)]
    with site.tab(subprotocols=["notifysite.inbox", token_of(ann)]) as tab:
        assert tab.subprotocol == "notifysite.inbox"
        assert heard(tab) == HELLO
    with site.stream("/api/v1/inbox/stream", "", **bearer) as answer:
        lines = answer.iter_lines()
        assert [next(lines) for _ in range(5)][-1] == 'data: {"seq": 1, "unread": 1}'


def test_a_session_of_a_linked_account_opens_them_too(ann, put, site):
    put(ann)
    account = User.objects.create_user("ann")
    Recipient.objects.filter(id=ann.id).update(account=account)
    browser = Client()
    browser.force_login(account)
    cookie = {"Cookie": f"sessionid={browser.cookies['sessionid'].value}"}
    with site.tab(additional_headers=cookie) as tab:
        assert heard(tab) == HELLO
    with site.stream("/api/v1/inbox/stream", "", **cookie) as answer:
        assert answer.status_code == 200
    browser.logout()
    with pytest.raises(InvalidStatus), site.tab(additional_headers=cookie):
        pass


def test_a_token_that_was_tampered_with_opens_nothing(ann, site):
    forged = token_of(ann)[:-1] + "-"
    with pytest.raises(InvalidStatus), site.tab(subprotocols=["notifysite.inbox", forged]):
        pass
    with site.stream("/api/v1/inbox/stream", "", Authorization=f"Bearer {forged}") as answer:
        assert answer.status_code == 401
