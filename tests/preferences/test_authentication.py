"""People prove who they are by a short token or by their session, and nobody else gets in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from notifysite.plumbing.problems import Problem
from preferences import authentication
from preferences.authentication import (
    LONGEST,
    RecipientAuthentication,
    RecipientPrincipal,
    authenticate_scope,
    issue_token,
    read_token,
)
from preferences.models import Recipient
from tests.factories import make_recipient

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def fresh_token(recipient: Recipient, **options: Any) -> str:
    return issue_token(recipient.subject, now=timezone.now(), **options)[0]


def enter(request: Any) -> RecipientPrincipal | None:
    found = RecipientAuthentication().authenticate(Request(request))
    return None if found is None else found[0]


def with_token(token: str) -> Any:
    return RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})


def erase(recipient: Recipient) -> None:
    Recipient.objects.filter(pk=recipient.pk).update(
        user_id=None, data_key=None, profile=None, erased_at=timezone.now()
    )


def test_a_token_lets_its_person_in():
    recipient = make_recipient("ann")

    principal = enter(with_token(fresh_token(recipient)))

    assert principal is not None
    assert (principal.recipient_id, principal.subject) == (recipient.id, recipient.subject)
    assert (principal.user_id, principal.full) == ("ann", True)
    assert principal.key.decrypt(
        principal.key.encrypt(b"secret", context="test"), context="test"
    ) == (b"secret")


def test_a_token_ends():
    recipient = make_recipient()
    token, until = issue_token(recipient.subject, lifetime=timedelta(minutes=5), now=NOW)

    assert until == NOW + timedelta(minutes=5)
    assert read_token(token, now=(until - timedelta(seconds=1)).timestamp()) == recipient.subject
    assert read_token(token, now=until.timestamp()) is None


def test_a_token_lasts_a_day_at_most():
    _, until = issue_token(make_recipient().subject, lifetime=timedelta(days=30), now=NOW)
    assert until == NOW + LONGEST


@pytest.mark.parametrize(
    "header", ["Bearer ntf_live_abc_def", "Bearer", "Bearer rt_", "Basic cnQ6cnQ=", "rt_x", ""]
)
def test_any_other_header_is_refused(header: str):
    with pytest.raises(Problem) as refused:
        enter(RequestFactory().get("/", headers={"Authorization": header}))

    assert refused.value.status == 401


def test_a_token_with_any_letter_changed_is_refused():
    right = fresh_token(make_recipient())

    for place in range(3, len(right)):
        wrong = right[:place] + ("A" if right[place] != "A" else "B") + right[place + 1 :]
        assert read_token(wrong, now=timezone.now().timestamp()) is None


def test_a_token_of_somebody_erased_lets_nobody_in():
    recipient = make_recipient()
    token = fresh_token(recipient)
    erase(recipient)

    with pytest.raises(Problem) as refused:
        enter(with_token(token))

    assert refused.value.status == 401


def test_a_token_outlives_a_secret_key_that_is_kept_as_fallback(settings: Any):
    token = fresh_token(make_recipient())
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key"
    assert enter(with_token(token)) is not None

    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(Problem):
        enter(with_token(token))


def test_a_token_may_be_offered_as_a_websocket_subprotocol():
    token = fresh_token(make_recipient())
    assert all(letter.isalnum() or letter in "-_." for letter in token)


def session_request(method: str, account: User) -> Any:
    request = getattr(RequestFactory(enforce_csrf_checks=True), method)("/")
    request.user = account
    request._dont_enforce_csrf_checks = False
    return request


def linked(user_id: str = "ann", **account: Any) -> tuple[Recipient, User]:
    user = User.objects.create_user(user_id, **account)
    return make_recipient(user_id, account=user), user


def test_a_session_of_a_linked_login_lets_its_person_in():
    recipient, account = linked()

    principal = enter(session_request("get", account))

    assert principal is not None
    assert principal.recipient_id == recipient.id


def test_a_session_may_change_nothing_without_a_csrf_token():
    _, account = linked()

    with pytest.raises(PermissionDenied, match="CSRF"):
        enter(session_request("post", account))


def test_a_login_without_a_person_is_nobody():
    assert enter(session_request("get", User.objects.create_user("staff"))) is None


def test_a_login_that_was_switched_off_is_nobody():
    _, account = linked(is_active=False)
    assert enter(session_request("get", account)) is None


def test_a_bad_token_is_not_made_good_by_a_session():
    _, account = linked()
    request = session_request("get", account)
    request.META["HTTP_AUTHORIZATION"] = "Bearer rt_wrong"

    with pytest.raises(Problem):
        enter(request)


def test_who_sends_nothing_is_nobody():
    assert enter(RequestFactory().get("/")) is None


def scope(*subprotocols: str, cookie: str = "") -> dict[str, Any]:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return {"type": "websocket", "subprotocols": list(subprotocols), "headers": headers}


def enter_scope(scope: dict[str, Any]) -> RecipientPrincipal | None:
    return authenticate_scope(scope)


def session_cookie(account: User) -> str:
    client = Client()
    client.force_login(account)
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


@pytest.mark.django_db(transaction=True)
def test_a_socket_is_let_in_by_the_token_it_offers():
    recipient = make_recipient()

    principal = enter_scope(scope("notifysite.v1", fresh_token(recipient)))

    assert principal is not None
    assert principal.recipient_id == recipient.id


@pytest.mark.django_db(transaction=True)
def test_a_socket_is_let_in_by_the_session_cookie():
    recipient, account = linked()

    principal = enter_scope(scope("notifysite.v1", cookie=session_cookie(account)))

    assert principal is not None
    assert principal.recipient_id == recipient.id


@pytest.mark.django_db(transaction=True)
def test_a_socket_without_credentials_or_with_bad_ones_is_nobodys():
    _, account = linked()
    cookie = session_cookie(account)

    assert enter_scope(scope()) is None
    assert enter_scope(scope("notifysite.v1")) is None
    assert enter_scope(scope("notifysite.v1", cookie="sessionid=wrong")) is None
    assert enter_scope(scope("notifysite.v1", "rt_wrong", cookie=cookie)) is None


@pytest.mark.django_db(transaction=True)
def test_a_socket_is_nobodys_once_the_password_changed():
    _, account = linked()
    cookie = session_cookie(account)
    account.set_password("another one")
    account.save()

    assert enter_scope(scope("notifysite.v1", cookie=cookie)) is None


def test_a_principal_shows_neither_user_id_nor_key_in_logs():
    recipient = make_recipient("ann@example.com")
    principal = authentication.principal_of(recipient.subject)

    assert str(principal) == f"user:{recipient.subject}"
    assert "ann" not in repr(principal)
    assert "DataKey" not in repr(principal)
