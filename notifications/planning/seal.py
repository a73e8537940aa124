"""The last look before a message leaves, and the message itself.

One query per flight reads what is needed to render and finds what changed since it was planned.
What did not change is rendered; what did is decided again, by the very same function. One message
that cannot be rendered never stops the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from delivery import channels
from delivery.contracts import Content, Message, Parcel, Sealed, Withdraw
from delivery.inbox import badges
from delivery.lifecycle import Reason
from delivery.tracking import rewriting
from notifications.audiences import data
from notifications.audiences.data import Common
from notifications.callbacks import seal as callbacks
from notifications.catalog import types, versions
from notifications.catalog.types import CatalogType
from notifications.planning import again, files, readers, wording
from notifications.planning.letters import Letter, letters_of
from notifications.rendering.errors import LimitExceeded, RenderError
from notifications.rendering.render import links_used, render
from notifications.words import CALLBACK, Mode, Status
from notifysite.plumbing import crypto
from preferences import addresses, calendar

log = structlog.get_logger(__name__)

_Audiences = Mapping[int | None, Common]


def seal(parcels: Sequence[Parcel]) -> dict[UUID, Sealed]:
    """A Message for each parcel, or Withdraw, or Wait. Never raises for one of them."""
    if tells := [parcel for parcel in parcels if parcel.step == CALLBACK]:
        people = [parcel for parcel in parcels if parcel.step != CALLBACK]
        return callbacks.seal(tells) | (seal(people) if people else {})
    letters = letters_of(parcels)
    if not letters:
        return _gone(parcels)
    now = max(letter.row.now for letter in letters)
    # Read after the letters: whoever cancelled an audience before it is obeyed.
    audiences = data.load(letter.due.audience_id for letter in letters)
    held = _held(letters, now, audiences)
    clear = [letter for letter in letters if letter.row.id not in held] if held else letters
    if moved := [letter.row.id for letter in clear if letter.row.address_retired]:
        again.readdress(moved)
        left = {letter.row.id for letter in clear}
        clear = letters_of([parcel for parcel in parcels if parcel.id in left])
    sealed = held | _messages(clear, audiences, now=now)
    if len(sealed) < len(parcels):
        sealed |= _gone([parcel for parcel in parcels if parcel.id not in sealed])
    return sealed


def _gone(parcels: Sequence[Parcel]) -> dict[UUID, Sealed]:
    return {parcel.id: Withdraw(reason=Reason.ERASED) for parcel in parcels}


def _held(letters: Sequence[Letter], now: datetime, audiences: _Audiences) -> dict[UUID, Sealed]:
    """What may not leave: by plain facts, or because the decision is another one now."""
    held: dict[UUID, Sealed] = {}
    doubtful: list[Letter] = []
    for letter in letters:
        audience = audiences.get(letter.due.audience_id, data.NOTHING)
        if answer := _stopped(letter, now, audience):
            held[letter.row.id] = answer
        elif _changed(letter):
            doubtful.append(letter)
    return held | again.decide_again(
        [(letter.row.id, letter.row.step, letter.row.channel, letter.due) for letter in doubtful],
        now=now,
    )


def _changed(letter: Letter) -> bool:
    row = letter.row
    return row.person_changed or row.address_retired or row.seen or not row.key_live


def _stopped(letter: Letter, now: datetime, audience: Common) -> Withdraw | None:
    """What no decision could turn."""
    row, due = letter.row, letter.due
    if row.status == Status.CANCELLED or audience.cancelled:
        return Withdraw(reason=Reason.CANCELLED)
    if due.expires_at and due.expires_at <= now:
        return Withdraw(reason=Reason.EXPIRED)
    if letter.reader.wrapped is None:
        return Withdraw(reason=Reason.ERASED)
    if row.suppressed and not row.address_retired:
        return Withdraw(reason=Reason.SUPPRESSED)
    if row.address_retired and channels.by_number(row.channel).every_address:
        return Withdraw(reason=Reason.ADDRESS_DEAD)
    return None


def _messages(
    letters: Sequence[Letter], audiences: _Audiences, *, now: datetime
) -> dict[UUID, Sealed]:
    catalog = types.stamped({one.due.type_id: one.row.type_changed_at for one in letters})
    picked = {letter.row.id: _version(letter, catalog[letter.due.type_id]) for letter in letters}
    forms = versions.compiled(version for version in picked.values() if version)
    carried = files.of(letters, now=now)
    actors = readers.load({letter.due.actor_id for letter in letters if letter.due.actor_id})
    sealed: dict[UUID, Sealed] = {}
    used: list[wording.Used] = []
    for letter in letters:
        version = picked[letter.row.id]
        with_it = carried.get(letter.row.id, ())
        if not isinstance(with_it, tuple):
            sealed[letter.row.id] = with_it
            continue
        if version is None:
            sealed[letter.row.id] = Withdraw(reason=Reason.NO_TEMPLATE)
            continue
        kind = catalog[letter.due.type_id]
        try:
            linked = links_used(forms[version], channel=channels.by_number(letter.row.channel).key)
            variables = wording.variables(
                letter,
                kind,
                actor=actors.get(letter.due.actor_id or 0),
                common=audiences.get(letter.due.audience_id, data.NOTHING).data,
                linked=linked,
            )
        except (RenderError, crypto.CryptoError) as error:
            log.error("data_unreadable", delivery=str(letter.row.id), error=type(error).__name__)
            sealed[letter.row.id] = Withdraw(reason=Reason.RENDER_FAILED)
            continue
        message = _message(letter, kind, forms[version], variables, now=now)
        if with_it and isinstance(message, Message):
            message = replace(message, attachments=with_it)
        sealed[letter.row.id] = message
        if letter.reader.key is not None:  # of the erased nothing is kept
            used.append(wording.Used(letter.row.id, letter.reader.key, version, variables, kind))
    wording.keep(used)
    return sealed | _with_badges(letters, sealed)


def _with_badges(letters: Sequence[Letter], sealed: Mapping[UUID, Sealed]) -> dict[UUID, Sealed]:
    """The messages to phones, with the number that their apps show."""
    phones = [one for one in letters if one.row.channel == channels.MOBILE_PUSH.number]
    numbers = badges.read({one.due.id: one.due.recipient_id for one in phones})
    return {
        id: replace(message, badge=numbers[message.notification])
        for id in (one.row.id for one in phones)
        if isinstance(message := sealed[id], Message) and message.notification in numbers
    }


def _version(letter: Letter, kind: CatalogType) -> int | None:
    locale = letter.due.locale or letter.reader.locale
    return kind.version(letter.row.channel, locale)


def _message(
    letter: Letter,
    kind: CatalogType,
    form: dict[str, Any],
    variables: Mapping[str, Any],
    *,
    now: datetime,
) -> Sealed:
    row, due = letter.row, letter.due
    try:
        content = render(form, variables, channel=channels.by_number(row.channel).key)
        address, secrets = _address(letter), _secrets(letter)
    except LimitExceeded:
        return Withdraw(reason=Reason.TOO_LARGE)
    except (RenderError, crypto.CryptoError) as error:
        log.error("render_failed", delivery=str(row.id), error=type(error).__name__)
        return Withdraw(reason=Reason.RENDER_FAILED)
    if kind.tracked:
        content = _tracked(content, letter)
    return Message(
        reference=row.id,
        notification=due.id,
        recipient=due.recipient_id,
        channel=row.channel,
        address=address,
        content=content,
        category=kind.category.key,
        type=kind.key,
        locale=due.locale or letter.reader.locale,
        marketing=kind.marketing,
        silent=_silent(letter, now),
        test=due.mode == Mode.TEST,
        priority=due.priority,
        expires_at=due.expires_at,
        registered_at=row.registered_at,
        headers=wording.headers(letter, kind, variables),
        data=_data(letter),
        secrets=secrets,
    )


def _tracked(content: Content, letter: Letter) -> Content:
    """Mail only; what is kept to show it again is as it was written, without a trace of us."""
    if letter.row.channel != channels.EMAIL.number or not content.html:
        return content
    return replace(content, html=rewriting.tracked(content.html, delivery=letter.row.id))


def _address(letter: Letter) -> str:
    if letter.row.address is None or letter.reader.key is None:
        return ""
    return addresses.decrypt(bytes(letter.row.address), letter.reader.key)


def _secrets(letter: Letter) -> tuple[str, ...]:
    """What a webhook is signed with."""
    if letter.row.secret is None or letter.reader.key is None:
        return ()
    return (addresses.decrypt_secret(letter.row.secret, letter.reader.key),)


def _data(letter: Letter) -> dict[str, Any]:
    """What a webhook says beside its words: a machine reads it, for whom one URL may serve many."""
    if letter.row.channel != channels.WEBHOOK.number:
        return {}
    return {
        "notification_id": str(letter.due.id),
        "delivery_id": str(letter.row.id),
        "user_id": letter.reader.user_id,
    }


def _silent(letter: Letter, now: datetime) -> bool:
    """Stored, but without a toast: the person has quiet hours, or a pause."""
    row = letter.row
    if row.paused_until and row.paused_until > now:
        return True
    if not row.quiet_hours:
        return False
    week = calendar.kept_week(row.quiet_hours)
    zone = calendar.zone(week.timezone or letter.reader.timezone or "UTC")
    return calendar.quiet_until(now, zone, week) is not None
