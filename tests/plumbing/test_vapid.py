"""VAPID keys are read in the forms people have them in, and never shown when they cannot be."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.management import call_command
from py_vapid import Vapid02

from notifysite.plumbing import vapid
from notifysite.stack import keys


def pem(key) -> str:
    raw = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return raw.decode()


def test_every_common_form_of_a_key_is_the_same_key() -> None:
    private = vapid.generate()
    key = vapid.read(private)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    forms = [
        private,
        private + "=",
        f" {private}\n",
        base64.urlsafe_b64encode(der).decode(),
        base64.b64encode(der).decode(),
        pem(key),
    ]
    assert {vapid.public(form) for form in forms} == {vapid.public(private)}


def test_the_public_key_is_a_point_as_browsers_take_it() -> None:
    public = vapid.public(vapid.generate())
    raw = base64.urlsafe_b64decode(public + "=")
    assert (len(raw), raw[0], len(public)) == (65, 4, 87)


@pytest.mark.parametrize(
    "private",
    [
        "",
        "secret-of-ours",
        "é" * 43,
        "A" * 43,  # the number 0
        "_" * 43,  # beyond the curve's order
        pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        pem(ec.generate_private_key(ec.SECP384R1())),
        "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----",
    ],
    ids=["empty", "words", "letters", "zero", "too_large", "rsa", "another_curve", "no_pem"],
)
def test_what_is_no_key_is_refused_with_advice_and_not_shown(private: str) -> None:
    with pytest.raises(ValueError, match=r"manage\.py vapid_keys") as refused:
        vapid.read(private)
    assert len(private) < 3 or private not in str(refused.value)
    assert vapid.public_or_none(private) == ""


def test_the_command_prints_a_pair(capsys) -> None:
    call_command("vapid_keys")
    printed = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    assert printed.keys() == {"VAPID_PUBLIC_KEY", "VAPID_PRIVATE_KEY"}
    assert vapid.public(printed["VAPID_PRIVATE_KEY"]) == printed["VAPID_PUBLIC_KEY"]


def test_the_embedded_stack_makes_a_key_that_can_be_read() -> None:
    private = keys.GENERATORS["VAPID_PRIVATE_KEY"]()
    assert Vapid02.from_string(private).private_key.private_numbers().private_value > 0
    assert vapid.public(private)
