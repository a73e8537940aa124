"""What is encrypted opens only with its key, in its place; master keys can be rotated."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifysite.plumbing import crypto
from notifysite.plumbing.crypto import (
    CryptoError,
    DataKey,
    KeyMissing,
    Tampered,
    check_keys,
    generate_master_key,
    keyed_hash,
    master_key_id,
    new_data_key,
    rewrap,
    unwrap,
)

OLD = f"2026a:{generate_master_key()}"
NEW = f"2026b:{generate_master_key()}"
ADDRESS = "address.value:7"


@pytest.fixture(autouse=True)
def keys(settings):
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    settings.FIELD_HASH_KEY = generate_master_key()


@given(st.binary(), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_field_opens_to_what_was_sealed(plain, context):
    key = DataKey(bytes(32))

    assert key.decrypt(key.encrypt(plain, context=context), context=context) == plain


def test_a_field_is_29_bytes_longer_and_never_the_same_twice():
    key, _ = new_data_key()

    first, second = (key.encrypt(b"ann@example.com", context=ADDRESS) for _ in range(2))

    assert len(first) == len(b"ann@example.com") + 29
    assert first != second
    assert b"ann" not in first


def test_a_field_does_not_open_in_another_place():
    key, _ = new_data_key()
    blob = key.encrypt(b"ann@example.com", context="address.value:7")

    with pytest.raises(Tampered):
        key.decrypt(blob, context="address.value:8")


def test_a_field_does_not_open_with_another_key():
    blob = new_data_key()[0].encrypt(b"ann@example.com", context=ADDRESS)

    with pytest.raises(Tampered):
        new_data_key()[0].decrypt(blob, context=ADDRESS)


def test_every_changed_bit_is_noticed():
    key, _ = new_data_key()
    blob = key.encrypt(b"ann", context=ADDRESS)

    for position in range(len(blob) * 8):
        changed = bytearray(blob)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(Tampered):
            key.decrypt(bytes(changed), context=ADDRESS)


def test_every_cut_is_noticed():
    key, _ = new_data_key()
    blob = key.encrypt(b"ann", context=ADDRESS)

    for length in range(len(blob)):
        with pytest.raises(Tampered):
            key.decrypt(blob[:length], context=ADDRESS)


def test_database_drivers_may_hand_over_a_memoryview():
    key, wrapped = new_data_key()
    blob = memoryview(key.encrypt(b"ann", context=ADDRESS))

    assert unwrap(memoryview(wrapped)).decrypt(blob, context=ADDRESS) == b"ann"


def test_a_data_key_does_not_show_itself():
    key = DataKey(b"0123456789abcdef0123456789abcdef")

    assert repr(key) == str(key) == "DataKey(hidden)"
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_data_key_does_not_leave_by_pickle_or_copy(leak):
    with pytest.raises(TypeError, match="pass its wrapped form on"):
        leak(new_data_key()[0])


def test_a_wrapped_key_comes_back():
    key, wrapped = new_data_key()

    blob = key.encrypt(b"ann", context=ADDRESS)

    assert unwrap(wrapped).decrypt(blob, context=ADDRESS) == b"ann"
    assert master_key_id(wrapped) == "2026a"


def test_unwrapping_twice_gives_the_same_object():
    _, wrapped = new_data_key()

    assert unwrap(wrapped) is unwrap(wrapped)


def test_every_changed_bit_of_a_wrapped_key_is_noticed():
    _, wrapped = new_data_key()

    for position in range(len(wrapped) * 8):
        changed = bytearray(wrapped)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(CryptoError):
            unwrap(bytes(changed))


@pytest.mark.parametrize("wrapped", [b"", b"\x00", b"\x05", b"\x012", b"\xff" * 40])
def test_what_is_no_wrapped_key_is_refused(wrapped):
    with pytest.raises(Tampered):
        unwrap(wrapped)
    with pytest.raises(Tampered):
        master_key_id(wrapped)


def test_rotation_wraps_under_the_newest_key_and_the_old_one_can_go(settings):
    key, old_form = new_data_key()
    blob = key.encrypt(b"ann", context=ADDRESS)

    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    assert unwrap(old_form).decrypt(blob, context=ADDRESS) == b"ann"
    new_form = rewrap(old_form)
    assert new_form is not None
    assert master_key_id(new_form) == "2026b"
    assert rewrap(new_form) is None

    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert unwrap(new_form).decrypt(blob, context=ADDRESS) == b"ann"


def test_new_keys_are_wrapped_under_the_newest(settings):
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]

    assert master_key_id(new_data_key()[1]) == "2026b"


def test_a_master_key_that_was_removed_opens_nothing_more(settings):
    _, wrapped = new_data_key()
    unwrap(wrapped)

    settings.FIELD_ENCRYPTION_KEYS = [NEW]

    with pytest.raises(KeyMissing, match="no key with the id '2026a'"):
        unwrap(wrapped)


def test_another_key_under_the_same_id_does_not_unwrap(settings):
    _, wrapped = new_data_key()

    settings.FIELD_ENCRYPTION_KEYS = [f"2026a:{generate_master_key()}"]

    with pytest.raises(Tampered):
        unwrap(wrapped)


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ([], "FIELD_ENCRYPTION_KEYS is empty"),
        ([generate_master_key()], "Entry 1 of FIELD_ENCRYPTION_KEYS is not of the form id:key"),
        ([OLD, "x y:" + generate_master_key()], "Entry 2 .* is not of the form id:key"),
        ([":" + generate_master_key()], "Entry 1 .* is not of the form id:key"),
        (["a:"], "Entry 1 .* is not 32 bytes in base64url"),
        (["a:c2hvcnQ"], "Entry 1 .* is not 32 bytes in base64url"),
        (["a:" + "?" * 43], "Entry 1 .* is not 32 bytes in base64url"),
        (["a:" + "é" * 43], "Entry 1 .* is not 32 bytes in base64url"),
        ([OLD, OLD], "Entry 2 .* repeats the id '2026a'"),
    ],
)
def test_unusable_master_keys_are_explained(settings, entries, complaint):
    settings.FIELD_ENCRYPTION_KEYS = entries

    with pytest.raises(KeyMissing, match=complaint):
        new_data_key()
    with pytest.raises(KeyMissing, match=complaint):
        check_keys()


def test_the_complaint_never_shows_the_key(settings):
    secret = generate_master_key()
    settings.FIELD_ENCRYPTION_KEYS = [secret]

    with pytest.raises(KeyMissing) as caught:
        check_keys()

    assert secret not in str(caught.value)


@pytest.mark.parametrize("value", ["", "c2hvcnQ"])
def test_an_unusable_hash_key_is_explained(settings, value):
    settings.FIELD_HASH_KEY = value

    with pytest.raises(KeyMissing, match=r"FIELD_HASH_KEY is .* generate one with: python -c"):
        keyed_hash("address", "a")
    with pytest.raises(KeyMissing, match="FIELD_HASH_KEY"):
        check_keys()


def test_keys_may_be_padded_and_surrounded_by_spaces(settings):
    settings.FIELD_ENCRYPTION_KEYS = [f" {OLD}= "]

    check_keys()


def test_the_advice_can_be_followed():
    command = (
        "from notifysite.plumbing.crypto import generate_master_key; print(generate_master_key())"
    )
    assert command in crypto._ADVICE

    printed = subprocess.run(
        [sys.executable, "-c", command],
        cwd=Path(__file__).parents[2],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )

    assert len(printed.stdout.strip()) == 43


def test_a_keyed_hash_depends_on_key_purpose_and_value(settings):
    first = keyed_hash("address.email", "ann@example.com")
    assert len(first) == 32
    assert keyed_hash("address.email", "ann@example.com") == first
    assert keyed_hash("address.email", "bob@example.com") != first
    assert keyed_hash("suppression", "ann@example.com") != first

    settings.FIELD_HASH_KEY = generate_master_key()
    assert keyed_hash("address.email", "ann@example.com") != first


def test_purpose_and_value_do_not_run_together():
    assert keyed_hash("a", "bc") != keyed_hash("ab", "c")


def test_two_spellings_of_one_text_have_one_hash():
    assert keyed_hash("address", "zoe\u0308") == keyed_hash("address", "zo\u00eb")


def test_a_keyed_hash_stays_what_it_is_across_releases(settings):
    settings.FIELD_HASH_KEY = "A" * 43

    assert keyed_hash("address.email", "ann@example.com").hex() == (
        "8a221322b500434ee7f653f57a5a4bcdf52f5406494da8776ad619df4508a011"
    )


def test_the_keys_of_many_come_in_their_order():
    pairs = [crypto.new_data_key() for _ in range(3)]

    keys = crypto.unwrap_all(wrapped for _, wrapped in pairs)

    sealed = [key.encrypt(b"x", context="c") for key, _ in pairs]
    assert [key.decrypt(each, context="c") for key, each in zip(keys, sealed, strict=True)] == (
        [b"x"] * 3
    )
