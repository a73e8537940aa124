"""What travels in an address: read by us alone, and by nobody else made."""

import base64
from typing import Any

import pytest

from notifysite.plumbing import opaque
from notifysite.plumbing.crypto import Tampered, generate_master_key

PLAIN = b"where it leads"


def test_what_was_sealed_is_read_again() -> None:
    assert opaque.unseal("a", opaque.seal("a", PLAIN)) == PLAIN


def test_the_same_is_the_same_text_each_time() -> None:
    assert opaque.seal("a", PLAIN) == opaque.seal("a", PLAIN)


def test_nothing_of_it_can_be_read() -> None:
    text = opaque.seal("a", PLAIN)

    assert PLAIN not in base64.urlsafe_b64decode(text + "==")
    assert opaque.seal("a", PLAIN + b"!")[:20] != text[:20]


def test_it_opens_for_its_purpose_only() -> None:
    with pytest.raises(Tampered):
        opaque.unseal("b", opaque.seal("a", PLAIN))


def test_another_key_opens_nothing(settings: Any) -> None:
    text = opaque.seal("a", PLAIN)
    settings.FIELD_HASH_KEY = generate_master_key()

    with pytest.raises(Tampered):
        opaque.unseal("a", text)


def test_a_rotated_master_key_changes_nothing(settings: Any) -> None:
    text = opaque.seal("a", PLAIN)
    settings.FIELD_ENCRYPTION_KEYS = [f"new:{generate_master_key()}"]

    assert opaque.unseal("a", text) == PLAIN


def test_no_bit_can_be_changed() -> None:
    raw = opaque.decode(opaque.seal("a", PLAIN))
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Tampered):
            opaque.unseal("a", opaque.encode(bytes(changed)))


@pytest.mark.parametrize(
    "text", ["", "a", "AB", "A" * 22, "a+b/", "QQ==", "QR", "ü", "a b", "\x00"]
)
def test_what_we_do_not_write_is_not_read(text: str) -> None:
    with pytest.raises(Tampered):
        opaque.unseal("a", text)
