"""An address has one normal form, and what cannot be one is refused with advice."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from delivery import channels
from notifysite.plumbing.crypto import Tampered, new_data_key
from preferences import addresses
from preferences.addresses import AddressInvalid


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


POINT = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
)
ENDPOINT = "https://push.example.com/send/abc"


def subscription(**changes: Any) -> dict[str, Any]:
    keys = {"p256dh": base64url(POINT), "auth": base64url(b"0123456789abcdef")}
    return {"endpoint": ENDPOINT, "expirationTime": None, "keys": keys} | changes


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  ann@example.com\n", "ann@example.com"),
        ("Ann.Example+Tag@EXAMPLE.Com", "Ann.Example+Tag@example.com"),
        ("ann@müller.example", "ann@xn--mller-kva.example"),
        ("Ann@Straße.example", "Ann@xn--strae-oqa.example"),  # strasse.example is another's
        ("ann@ＭÜLLER。example", "ann@xn--mller-kva.example"),
        ("ann@FASS.example", "ann@fass.example"),
        ("ann@xn--e28h.example", "ann@xn--e28h.example"),
        ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
        ("delivered@simulator.notifysite.test", "delivered@simulator.notifysite.test"),
        ("o'neil@example.com", "o'neil@example.com"),
    ],
)
def test_an_email_keeps_its_local_part_and_gets_a_plain_domain(given: str, kept: str):
    assert addresses.email(given).value == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        "   ",
        "ann",
        "@example.com",
        "ann@",
        "ann@example",
        "ann@.com",
        "ann@-example.com",
        "a@b@example.com",
        "ann@example.com, bob@example.com",
        "ann@example.com;bob@example.com",
        "ann@example.com bob@example.com",
        "Ann <ann@example.com>",
        "<ann@example.com>",
        '"ann, bob"@example.com',
        "ann(bob)@example.com",
        "ann@example.com\r\nBcc: bob@example.com",
        "ann\x00@example.com",
        "ann\u2028@example.com",
        "ann\u200b@example.com",
        "änn@example.com",
        "ann@[127.0.0.1]",
        "x" * 65 + "@example.com",
        "ann@a\u0301\u200d.example",
        "ann@-ü.example",
        "x" * 65 + "@" + "y" * 63 + ".example.com" + "z" * 200,
        None,
        42,
        ["ann@example.com"],
        {"email": "ann@example.com"},
    ],
)
def test_what_is_not_one_plain_email_address_is_refused(given: Any):
    with pytest.raises(AddressInvalid) as refused:
        addresses.email(given)

    assert refused.value.field == "email"
    assert refused.value.detail.endswith(".")


@pytest.mark.parametrize(
    "given", ["+49 170 1234567", "+49 (170) 123-4567", "+49-170/1234567", " +491701234567 "]
)
def test_a_phone_number_is_kept_in_international_form(given: str):
    assert addresses.phone(given).value == "+491701234567"


@pytest.mark.parametrize(
    "given",
    [
        "",
        "0170 1234567",
        "491701234567",
        "+",
        "+49",
        "+49170123456789012345",
        "+999123456789",
        "+1 800 FLOWERS",
        "tel:+491701234567",
        "+491701234567;ext=5",
        "+491701234567, +491701234568",
        "+4917012\x0034567",
        "+\u0664\u0669170123456",
        491701234567,
        None,
    ],
)
def test_what_is_not_one_international_phone_number_is_refused(given: Any):
    with pytest.raises(AddressInvalid) as refused:
        addresses.phone(given)

    assert refused.value.field == "phone"


def test_an_address_is_found_whatever_the_letters():
    assert addresses.email("ANN@example.com").hash == addresses.email("ann@EXAMPLE.com").hash
    assert addresses.email("ann@example.com").hash != addresses.email("bob@example.com").hash


def test_one_text_on_two_channels_has_two_hashes():
    hook = addresses.normalise(channels.WEBHOOK, ENDPOINT)
    browser = addresses.normalise(channels.WEB_PUSH, subscription())
    assert hook.hash != browser.hash


def test_a_browser_subscription_is_found_by_its_endpoint():
    first = addresses.normalise(channels.WEB_PUSH, subscription())
    other_keys = {"p256dh": base64url(POINT), "auth": base64url(b"fedcba9876543210")}
    second = addresses.normalise(channels.WEB_PUSH, subscription(keys=other_keys))

    assert first.hash == second.hash
    assert json.loads(second.value) == {"endpoint": ENDPOINT, "keys": other_keys}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("https://push.example.com/", "subscription"),
        ({}, "subscription"),
        ({"endpoint": ENDPOINT}, "subscription"),
        (subscription(endpoint="http://push.example.com/"), "subscription/endpoint"),
        (subscription(endpoint=None), "subscription/endpoint"),
        (subscription(keys={"auth": "x"}), "subscription/keys/p256dh"),
        (
            subscription(keys={"p256dh": base64url(b"\4" + b"x" * 64), "auth": "x"}),
            "subscription/keys/p256dh",
        ),
        (
            subscription(keys={"p256dh": base64url(POINT), "auth": base64url(b"short")}),
            "subscription/keys/auth",
        ),
        (
            subscription(keys={"p256dh": base64url(POINT), "auth": "not base64!"}),
            "subscription/keys/auth",
        ),
    ],
)
def test_a_browser_subscription_that_cannot_be_used_is_refused_where_it_is_wrong(
    given: Any, field: str
):
    with pytest.raises(AddressInvalid) as refused:
        addresses.normalise(channels.WEB_PUSH, given, field="subscription")

    assert refused.value.field == field


@pytest.mark.parametrize(
    "given",
    [
        "http://example.com/hook",
        "https://",
        "https://user:secret@example.com/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example.com/\nHost: other",
        "javascript:alert(1)",
        "https://[::1",
        "https://example.com/" + "x" * 2000,
        None,
    ],
)
def test_a_webhook_is_a_plain_https_url(given: Any):
    assert addresses.normalise(channels.WEBHOOK, "https://example.com/hook?a=1").value
    with pytest.raises(AddressInvalid):
        addresses.normalise(channels.WEBHOOK, given)


def test_a_webhook_may_be_plain_http_where_the_operator_allowed_its_origin(settings: Any):
    settings.OUTBOUND_ALLOWED_ORIGINS = ["http://127.0.0.1:9000"]

    assert addresses.normalise(channels.WEBHOOK, "http://127.0.0.1:9000/hook").value
    with pytest.raises(AddressInvalid):
        addresses.normalise(channels.WEBHOOK, "http://127.0.0.1:9001/hook")


def test_a_webhook_may_be_plain_http_where_the_operator_allows_that_at_all(settings: Any):
    settings.WEBHOOK_SCHEMES = ["https", "http"]

    assert addresses.normalise(channels.WEBHOOK, "http://example.com/hook").value
    with pytest.raises(AddressInvalid, match="not on the public internet"):
        addresses.normalise(channels.WEBHOOK, "http://10.0.0.1/hook")


TEAMS = "https://default1.2f.environment.api.powerplatform.com"
FLOW = "/powerautomate/automations/direct/workflows/f06c/triggers/manual/paths/invoke?sig=aB_c"


@pytest.mark.parametrize(
    ("given", "service"),
    [
        ("https://hooks.slack.com/services/T024BE7LD/B024BE7LH/aBc", "slack"),
        ("https://discord.com/api/webhooks/223704706495545344/aBc-_", "discord"),
        ("https://discordapp.com/api/webhooks/7/aBc?thread_id=8", "discord"),
        ("https://acme.webhook.office.com/webhookb2/1@2/IncomingWebhook/3/4", "teams"),
        ("https://prod-23.westeurope.logic.azure.com/workflows/f06c?sig=aBc", "teams"),
        (TEAMS + FLOW, "teams"),
        ("https://simulator.notifysite.test/simulator-silent/ann", "slack"),
    ],
)
def test_a_chat_is_a_webhook_of_a_service_that_its_host_names(given: str, service: str):
    reach = addresses.normalise(channels.CHAT, given)

    assert (reach.kind, reach.value) == (service, given)
    assert given not in repr(reach)


def test_one_chat_has_one_hash_however_its_webhook_was_copied():
    plain = addresses.normalise(channels.CHAT, TEAMS + FLOW)
    copied = addresses.normalise(
        channels.CHAT, f"  {TEAMS.upper().replace('HTTPS', 'https')}:443{FLOW}#x "
    )

    assert (copied.hash, copied.value) == (plain.hash, plain.value)
    other = addresses.normalise(channels.CHAT, TEAMS + FLOW.lower())
    assert other.hash != plain.hash


@pytest.mark.parametrize(
    "given",
    [
        "https://example.com/services/T/B/aBc",
        "https://hooks.slack.com.example.com/services/T/B/aBc",
        "https://hooks.slack.com/triggers/T/7/aBc",
        "https://hooks.slack.com/services/../triggers/T/7/aBc",
        "https://hooks.slack.com:8080/services/T/B/aBc",
        "http://hooks.slack.com/services/T/B/aBc",
        "https://ann:secret@discord.com/api/webhooks/7/aBc",
        "https://discord.com/channels/7/8",
        "https://logic.azure.com/workflows/f06c",
        "https://[::1/api/webhooks/",
        "#general",
        None,
    ],
)
def test_what_is_no_webhook_of_a_known_chat_is_refused(given: Any):
    with pytest.raises(AddressInvalid) as refused:
        addresses.normalise(channels.CHAT, given, field="url")

    assert refused.value.field == "url"
    assert "aBc" not in str(refused.value)


def test_operators_say_which_chats_there_are(settings: Any):
    settings.CHAT_HOSTS = ["discord=chat.example.com/hooks/"]

    assert addresses.normalise(channels.CHAT, "https://chat.example.com/hooks/7").kind == "discord"
    with pytest.raises(AddressInvalid, match="Slack, Discord or Microsoft Teams"):
        addresses.normalise(channels.CHAT, "https://hooks.slack.com/services/T/B/aBc")


def test_a_push_token_names_its_service():
    token = addresses.normalise(channels.MOBILE_PUSH, "abc:DEF_123", kind="fcm")

    assert (token.kind, token.value, token.shared) == ("fcm", "abc:DEF_123", False)
    topic = addresses.normalise(channels.MOBILE_PUSH, "/topics/News-1.~%", kind="fcm")
    assert (topic.kind, topic.value, topic.shared) == ("fcm", "/topics/News-1.~%", True)
    apple = addresses.normalise(channels.MOBILE_PUSH, "0F" * 32, kind="apns")
    assert (apple.kind, apple.value) == ("apns", "0f" * 32)
    assert apple.hash == addresses.normalise(channels.MOBILE_PUSH, "0f" * 32, kind="apns").hash
    simulated = "simulator-silent"
    apns, fcm = (
        addresses.normalise(channels.MOBILE_PUSH, simulated, kind=kind) for kind in ("apns", "fcm")
    )
    assert apns.hash != fcm.hash


@pytest.mark.parametrize(
    ("token", "kind", "field"),
    [
        ("abc", "", "kind"),
        ("abc", "pigeon", "kind"),
        ("", "fcm", "token"),
        ("a b", "fcm", "token"),
        ("a\nb", "fcm", "token"),
        ("x" * 5000, "fcm", "token"),
        (None, "apns", "token"),
        ("abc:DEF_123", "apns", "token"),
        ("ab" * 31, "apns", "token"),
        ("ab" * 32, "fcm", "token"),
        ("/topics/", "fcm", "token"),
        ("/topics/a/b", "fcm", "token"),
        ("/topics/näher", "fcm", "token"),
        ("/topics/" + "x" * 901, "fcm", "token"),
        ("/topics/news", "apns", "token"),
        ("news/today", "fcm", "token"),
    ],
)
def test_a_push_token_that_cannot_be_used_is_refused(token: Any, kind: str, field: str):
    with pytest.raises(AddressInvalid) as refused:
        addresses.normalise(channels.MOBILE_PUSH, token, kind=kind, field="token")

    assert refused.value.field == field


def test_in_app_needs_no_address():
    with pytest.raises(AddressInvalid):
        addresses.normalise(channels.IN_APP, "ann")


def test_an_address_opens_under_its_persons_key_only():
    key, _ = new_data_key()
    other, _ = new_data_key()
    kept = addresses.encrypt(addresses.email("ann@example.com"), key)

    assert addresses.decrypt(kept, key) == "ann@example.com"
    with pytest.raises(Tampered):
        addresses.decrypt(kept, other)


def test_an_address_does_not_show_in_its_repr():
    assert "bob" not in repr(addresses.email("bob@example.com"))


@given(st.text(max_size=300))
def test_any_text_is_taken_in_normal_form_or_refused(text: str):
    for read in (addresses.email, addresses.phone):
        try:
            reach = read(text)
        except AddressInvalid:
            continue
        assert read(reach.value) == reach
        assert reach.value.isascii()
        assert reach.value.isprintable()


@given(st.emails())
def test_the_letters_of_an_email_do_not_matter_for_its_hash(email: str):
    try:
        reach = addresses.email(email)
    except AddressInvalid:
        return
    assert addresses.email(email.swapcase()).hash == reach.hash
