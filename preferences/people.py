"""Create and change people, many in few statements; accepting a notification goes through here.

Lock order: new people by user id, then those there are by id. So two transactions that change
the same people in whatever order wait for each other and never deadlock.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import OperationalError, connection
from django.db.transaction import TransactionManagementError

from delivery import channels
from notifysite.plumbing import crypto
from notifysite.plumbing.crypto import DataKey
from notifysite.plumbing.faults import Fault
from notifysite.plumbing.problems import Problem
from preferences import addresses, profile
from preferences.addresses import Reach
from preferences.models.recipient import CHANGED
from preferences.wanted import ABSENT, Absent, Wanted

PASSES = 5

_EMAIL, _SMS = channels.EMAIL.number, channels.SMS.number
_READ = f"""
    SELECT r.id, r.user_id, r.subject, r.data_key, r.profile, r.locale, r.timezone,
        email.hash, phone.hash
    FROM recipient AS r
    LEFT JOIN address AS email
        ON email.recipient_id = r.id AND email.channel = {_EMAIL} AND email.retired_at IS NULL
    LEFT JOIN address AS phone
        ON phone.recipient_id = r.id AND phone.channel = {_SMS} AND phone.retired_at IS NULL
"""  # noqa: S608 - two numbers of ours
# Of people of whom nothing is said all this is enough; to join what they are reached by would take
# PostgreSQL four times as long, most of it for the plan.
_READ_BARE = """
    SELECT r.id, r.user_id, r.subject, r.data_key, NULL, r.locale, r.timezone, NULL, NULL
    FROM recipient AS r
"""
_LOCK = "SELECT FROM recipient WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
_CREATE = """
    INSERT INTO recipient
        (user_id, subject, data_key, profile, locale, timezone, created_at, changed_at)
    SELECT user_id, subject, data_key, profile, locale, timezone, %s, clock_timestamp()
    FROM unnest(%s::text[], %s::uuid[], %s::bytea[], %s::bytea[], %s::text[], %s::text[])
        AS fresh (user_id, subject, data_key, profile, locale, timezone)
    ON CONFLICT (user_id) DO NOTHING
    RETURNING id, user_id
"""
_SAVE = f"""
    UPDATE recipient
    SET profile = fresh.profile, locale = fresh.locale, timezone = fresh.timezone,
        {CHANGED}
    FROM unnest(%s::bigint[], %s::bytea[], %s::text[], %s::text[])
        AS fresh (id, profile, locale, timezone)
    WHERE recipient.id = fresh.id
"""  # noqa: S608
_RETIRE = """
    UPDATE address SET retired_at = %s
    FROM unnest(%s::bigint[], %s::smallint[]) AS gone (recipient_id, channel)
    WHERE address.recipient_id = gone.recipient_id AND address.channel = gone.channel
        AND address.retired_at IS NULL
"""
_ADD = """
    INSERT INTO address (recipient_id, channel, kind, value, hash, label, created_at)
    SELECT recipient_id, channel, '', value, hash, '', %s
    FROM unnest(%s::bigint[], %s::smallint[], %s::bytea[], %s::bytea[])
        AS fresh (recipient_id, channel, value, hash)
"""


class TooMuchSaid(Problem):
    """With what is there already a person's attributes would take too many bytes."""

    def __init__(self, user_id: str) -> None:
        detail = f"A person's attributes may take {profile.MOST_BYTES:,} bytes together."
        super().__init__(
            422, "validation_failed", faults=[Fault("/attributes", "too_large", detail)]
        )
        self.user_id = user_id


class Person(NamedTuple):
    """A recipient, and the key under which all about them is encrypted."""

    id: int
    user_id: str
    subject: uuid.UUID
    key: DataKey
    locale: str
    timezone: str
    created: bool = False


class _Row(NamedTuple):
    """A person as they are in the database, or are to be."""

    person: Person
    profile: bytes | None = None  # encrypted
    email: bytes | None = None  # hash of the current address
    phone: bytes | None = None

    @property
    def user_id(self) -> str:
        return self.person.user_id


_Move = tuple[_Row, _Row]  # before, after


def upsert(wanted: Sequence[Wanted], *, now: datetime) -> list[Person]:
    """Make people as they are wanted, in the caller's transaction; one Person for each asked.

    Unknown ones are created. Those who are already as wanted are neither locked nor written. Who
    is named twice gets both, the later one last. The number of statements does not depend on how
    many people there are: 1 when nothing changes, at most 8.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("upsert() belongs into the caller's transaction")
    asked = _folded(wanted)
    done: dict[str, Person] = {}
    for _ in range(PASSES):
        left = {user_id: one for user_id, one in asked.items() if user_id not in done}
        if not left:
            return [done[one.user_id] for one in wanted]
        done |= _pass(left, now)
    # Whoever is still left was erased again and again between our statements.
    raise OperationalError("people vanished while they were written")


def _folded(wanted: Iterable[Wanted]) -> dict[str, Wanted]:
    asked: dict[str, Wanted] = {}
    for one in wanted:
        before = asked.get(one.user_id)
        asked[one.user_id] = before.then(one) if before else one
    return asked


def _pass(asked: Mapping[str, Wanted], now: datetime) -> dict[str, Person]:
    """Those that could be settled; missing are those created or erased by others meanwhile."""
    bare = all(one.is_bare for one in asked.values())
    rows = _read("user_id = ANY(%s::text[])", list(asked), bare=bare)
    missing = sorted(asked.keys() - rows.keys())
    created = _create([asked[user_id] for user_id in missing], now) if missing else {}
    if len(created) < len(missing):
        # Somebody else was faster; what they committed is visible to a new statement.
        rows |= _read("user_id = ANY(%s::text[])", [*(set(missing) - created.keys())])
    stale = [row.person.id for row in rows.values() if _is_stale(row, asked)]
    moves = _locked_moves(stale, asked) if stale else []
    _save([after for before, after in moves if after != before])
    _write_addresses([*created.values(), *moves], asked, now)
    settled = {row.user_id: row for row in rows.values() if row.person.id not in set(stale)}
    settled |= {after.user_id: after for _, after in [*created.values(), *moves]}
    return {user_id: row.person for user_id, row in settled.items()}


def _is_stale(row: _Row, asked: Mapping[str, Wanted]) -> bool:
    return not asked[row.user_id].is_bare and _after(row, asked) != row


def _read(where: str, values: list[Any], *, bare: bool = False) -> dict[str, _Row]:
    columns = _READ_BARE if bare else _READ
    with connection.cursor() as cursor:
        cursor.execute(f"{columns} WHERE r.{where} AND r.user_id IS NOT NULL", [values])
        rows = cursor.fetchall()
    keys = crypto.unwrap_all(row[3] for row in rows)
    return {row[1]: _row(row, key) for row, key in zip(rows, keys, strict=True)}


def _row(values: Sequence[Any], key: DataKey) -> _Row:
    id, user_id, subject, _, kept, locale, timezone, email, phone = values
    person = Person(
        id=id, user_id=user_id, subject=subject, key=key, locale=locale, timezone=timezone
    )
    return _Row(person, _bytes(kept), _bytes(email), _bytes(phone))


def _bytes(value: bytes | None) -> bytes | None:
    return None if value is None else bytes(value)


def _after(row: _Row, asked: Mapping[str, Wanted]) -> _Row:
    """The row as wanted; equal to `row` when there is nothing to do."""
    wanted = asked[row.user_id]
    person = row.person._replace(
        locale=row.person.locale if wanted.locale is ABSENT else wanted.locale or "",
        timezone=row.person.timezone if wanted.timezone is ABSENT else wanted.timezone or "",
    )
    return _Row(
        person,
        _profile_after(row, wanted),
        _hash_after(row.email, wanted.email),
        _hash_after(row.phone, wanted.phone),
    )


def _profile_after(row: _Row, wanted: Wanted) -> bytes | None:
    if wanted.name is ABSENT and wanted.attributes is ABSENT:
        return row.profile
    before = profile.decrypt(row.profile, row.person.key)
    after = before.with_wanted(wanted)
    if after == before:
        return row.profile
    try:
        return profile.encrypt(after, row.person.key)
    except profile.ProfileTooLarge:
        raise TooMuchSaid(row.user_id) from None


def _hash_after(current: bytes | None, wanted: Reach | Absent | None) -> bytes | None:
    if wanted is ABSENT:
        return current
    return wanted.hash if wanted is not None else None


def _create(wanted: Sequence[Wanted], now: datetime) -> dict[str, _Move]:
    """Insert people, sorted by user id; those whom another was faster to create are left out."""
    fresh, wrapped = {}, []
    for one in wanted:
        key, kept = crypto.new_data_key()
        wrapped.append(kept)
        fresh[one.user_id] = _after(_nobody(one.user_id, key), {one.user_id: one})
    people = [row.person for row in fresh.values()]
    values: list[list[Any]] = [
        [person.user_id for person in people],
        [person.subject for person in people],
        wrapped,
        [row.profile for row in fresh.values()],
        [person.locale for person in people],
        [person.timezone for person in people],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_CREATE, [now, *values])
        ids = {user_id: id for id, user_id in cursor.fetchall()}
    made = [(fresh[user_id], id) for user_id, id in ids.items()]
    rows = [row._replace(person=row.person._replace(id=id)) for row, id in made]
    return {row.user_id: (row._replace(email=None, phone=None), row) for row in rows}


def _nobody(user_id: str, key: DataKey) -> _Row:
    person = Person(
        id=0,
        user_id=user_id,
        subject=uuid.uuid4(),
        key=key,
        locale="",
        timezone="",
        created=True,
    )
    return _Row(person)


def _locked_moves(ids: list[int], asked: Mapping[str, Wanted]) -> list[_Move]:
    """What is to change of these people, judged again now that nobody else can change them."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [ids])
    rows = _read("id = ANY(%s::bigint[])", ids)
    return [(row, _after(row, asked)) for row in rows.values()]


def _save(rows: list[_Row]) -> None:
    if not rows:
        return
    values: list[list[Any]] = [
        [row.person.id for row in rows],
        [row.profile for row in rows],
        [row.person.locale for row in rows],
        [row.person.timezone for row in rows],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, values)


def _write_addresses(moves: list[_Move], asked: Mapping[str, Wanted], now: datetime) -> None:
    gone: list[tuple[int, int]] = []
    fresh: list[tuple[int, int, bytes, bytes]] = []
    for before, after in moves:
        wanted, person = asked[after.user_id], after.person
        for channel, old, new, reach in (
            (_EMAIL, before.email, after.email, wanted.email),
            (_SMS, before.phone, after.phone, wanted.phone),
        ):
            if old is not None and old != new:
                gone.append((person.id, channel))
            if isinstance(reach, Reach) and old != new:
                value = addresses.encrypt(reach, person.key)
                fresh.append((person.id, channel, value, reach.hash))
    _run(_RETIRE, now, gone)
    _run(_ADD, now, fresh)


def _run(statement: str, now: datetime, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [now, *map(list, zip(*rows, strict=True))])
