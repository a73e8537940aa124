"""A topic with two people, a type, and a way to send it."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from preferences.models import Topic
from tests.factories import make_recipient, make_topic, make_type
from tests.notifications.audiences.rows import URL, Send, subscribe


@pytest.fixture
def gardeners(db: None) -> Topic:
    """A topic to which ann and bob are subscribed."""
    topic = make_topic("gardening_tips")
    for user_id in ("ann", "bob"):
        make_recipient(user_id, email=f"{user_id}@example.com")
    subscribe(topic, "ann", "bob")
    return topic


@pytest.fixture
def tip(db: None) -> Any:
    return make_type(
        "tip",
        steps=[{"channel": "email"}],
        words={"email": {"subject": "{{ data.plant }} for {{ data.who }}", "body": "<p>Hi</p>"}},
    )


@pytest.fixture
def send(api: APIClient) -> Send:
    """Send a tip; gives the answer."""

    def post(to: Any, **body: Any) -> dict[str, Any]:
        said = {"type": "tip", "to": to, "data": {"plant": "Roses", "who": "all"}, **body}
        answer = api.post(URL, said, format="json")
        assert answer.status_code == 202, answer.content
        return dict(answer.json())

    return post
