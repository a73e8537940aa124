"""What the words of mail services mean, where they have several for one thing."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from delivery import registry
from delivery.contracts import Call, Report
from delivery.lifecycle import EventKind
from delivery.models import Event, HookCount
from notifysite.plumbing.ids import uuid7
from tests.delivery.hooks.callers import Caller, Told
from tests.delivery.hooks.callers.brevo import BrevoCaller
from tests.delivery.hooks.callers.mailgun import MailgunCaller
from tests.delivery.hooks.callers.resend import ResendCaller
from tests.delivery.hooks.callers.sendgrid import SendGridCaller

NOW = datetime.now(UTC)


@pytest.fixture
def heard(settings):
    """What a service is understood to say, told as it writes it."""

    def hear(caller: Caller, said: Any) -> list[Report]:
        caller.configure(settings)
        posted = caller.sign(json.dumps(said).encode(), at=NOW)
        url = f"https://notify.test/hooks/{caller.alias}/"
        call = Call(url=url, headers=dict(posted.headers), body=posted.body, at=NOW)
        return list(registry.get(caller.alias).hear(call).reports)

    return hear


def failed(**said: Any) -> dict[str, Any]:
    return {"event-data": {"event": "failed", "severity": "permanent", **said}}


def bounced(**said: Any) -> dict[str, Any]:
    return {"type": "email.bounced", "data": {"bounce": said}}


POLICY = {"enhanced-code": "5.7.1", "message": "Message rejected"}


@pytest.mark.parametrize(
    ("caller", "said", "kinds"),
    [
        (MailgunCaller, failed(reason="bounce"), [EventKind.HARD_BOUNCE]),
        (MailgunCaller, failed(reason="suppress-bounce"), [EventKind.REJECTED]),
        (MailgunCaller, failed(reason="suppress-complaint"), [EventKind.REJECTED]),
        (
            MailgunCaller,
            failed(reason="bounce", **{"delivery-status": POLICY}),
            [EventKind.SOFT_BOUNCE],
        ),
        (MailgunCaller, failed(reason="old"), [EventKind.SOFT_BOUNCE]),
        (MailgunCaller, failed(severity="temporary"), [EventKind.DEFERRED]),
        (MailgunCaller, {"event-data": {"event": "stored"}}, []),
        (ResendCaller, bounced(type="Permanent"), [EventKind.HARD_BOUNCE]),
        (ResendCaller, bounced(type="Transient"), [EventKind.SOFT_BOUNCE]),
        (ResendCaller, bounced(type="Permanent", subType="Suppressed"), [EventKind.REJECTED]),
        (ResendCaller, {"type": "email.suppressed", "data": {}}, [EventKind.REJECTED]),
        (ResendCaller, {"type": "contact.updated", "data": {"unsubscribed": True}}, []),
        (BrevoCaller, {"event": "invalid_email"}, [EventKind.HARD_BOUNCE]),
        (BrevoCaller, {"event": "hard_bounce", "reason": "554 5.7.1 no"}, [EventKind.SOFT_BOUNCE]),
        (BrevoCaller, {"event": "error"}, [EventKind.REJECTED]),
        (BrevoCaller, {"event": "list_addition"}, []),
        (
            BrevoCaller,
            [{"event": "delivered"}, {"event": "newest"}, {"event": "complaint"}],
            [EventKind.DELIVERED, EventKind.COMPLAINT],
        ),
        (SendGridCaller, [{"event": "bounce", "type": "blocked"}], [EventKind.SOFT_BOUNCE]),
        (SendGridCaller, [{"event": "bounce", "status": "5.1.1"}], [EventKind.HARD_BOUNCE]),
        (SendGridCaller, [{"event": "bounce", "status": "5.7.1"}], [EventKind.SOFT_BOUNCE]),
        (
            SendGridCaller,
            [{"event": "bounce", "bounce_classification": "Reputation"}],
            [EventKind.SOFT_BOUNCE],
        ),
        (SendGridCaller, [{"event": "group_resubscribe"}], []),
    ],
)
def test_only_a_mailbox_that_is_not_there_is_dead(heard, caller, said, kinds) -> None:
    assert [report.kind for report in heard(caller(), said)] == kinds


@pytest.mark.parametrize(
    ("caller", "by_machine", "by_person"),
    [
        (
            MailgunCaller,
            {"event-data": {"event": "opened", "client-info": {"bot": "apple"}}},
            {"event-data": {"event": "opened", "client-info": {"bot": ""}}},
        ),
        (BrevoCaller, {"event": "unique_proxy_open"}, {"event": "unique_opened"}),
        (
            SendGridCaller,
            [{"event": "open", "sg_machine_open": True}],
            [{"event": "open", "sg_machine_open": False}],
        ),
    ],
)
def test_what_machines_open_is_marked(heard, caller, by_machine, by_person) -> None:
    (first,) = heard(caller(), by_machine)
    (second,) = heard(caller(), by_person)
    assert (first.kind, first.machine) == (EventKind.OPENED, True)
    assert (second.kind, second.machine) == (EventKind.OPENED, False)


@pytest.mark.django_db
def test_a_token_of_mailgun_vouches_for_one_call(settings, given) -> None:
    caller = MailgunCaller()
    caller.configure(settings)
    (delivery,) = given(provider="mailgun")
    told = Told(kind=EventKind.DELIVERED, reference=delivery, ref=f"ref-{delivery}")
    posted = caller.call(told)
    other = json.loads(posted.body)
    other["event-data"] |= {"event": "complained", "id": "another"}

    for body in (posted.body, json.dumps(other).encode()):
        Client().generic(
            "POST", "/hooks/mailgun/", body, posted.content_type, headers=dict(posted.headers)
        )

    assert list(Event.objects.values_list("kind", flat=True)) == [EventKind.DELIVERED]
    counted = dict(HookCount.objects.values_list("verdict", "calls"))
    assert counted == {"heard": 1, "taken": 1, "repeated": 1}


def test_what_is_no_time_is_now(heard) -> None:
    for at in (None, "soon", {}, 10**400, 1e300, float("nan"), -1e18):
        (report,) = heard(SendGridCaller(), [{"event": "delivered", "timestamp": at}])
        assert report.at == NOW
        (report,) = heard(BrevoCaller(), {"event": "delivered", "ts_epoch": at})
        assert report.at == NOW


def test_a_reference_that_is_none_is_left_out(heard) -> None:
    for said in (None, "x", [], {"reference": []}, '{"reference": 7}', "[" * 9999):
        (report,) = heard(BrevoCaller(), {"event": "delivered", "X-Mailin-custom": said})
        assert report.reference is None
    mine = uuid7()
    custom = json.dumps({"reference": str(mine)})
    (report,) = heard(BrevoCaller(), {"event": "delivered", "X-Mailin-custom": custom})
    assert report.reference == mine
