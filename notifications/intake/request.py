"""What a caller asks for, read and checked as far as the body alone tells."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from delivery import channels
from notifications.words import Priority
from notifysite.plumbing.faults import Fault, StrictSerializerMixin
from notifysite.plumbing.problems import Problem
from preferences.wanted import Wanted, WantedInvalid, known_as, read

MOST_RECIPIENTS = 1000
MOST_ATTACHMENTS = 10
LAST_YEAR = 9000  # of a time to send: a time to live is added to it

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Addressee(NamedTuple):
    """One recipient of a request, and the data that is theirs alone."""

    wanted: Wanted
    data: Mapping[str, Any] = _NOTHING
    pointer: str = "/to"


class SendRequest(NamedTuple):
    """A request to say one thing to some people."""

    type: str
    to: tuple[Addressee, ...]  # nobody where it is sent to a topic
    topic: str | None = None  # its key
    data: Mapping[str, Any] = _NOTHING
    channels: frozenset[int] | None = None
    priority: Priority | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    locale: str = ""
    cancellation_key: str | None = None
    actor: Wanted | None = None
    attachments: tuple[UUID, ...] = ()

    @property
    def wide(self) -> bool:
        """Whether it is for an audience: notifications are made later, in chunks."""
        return self.topic is not None or len(self.to) > MOST_RECIPIENTS

    def people(self) -> list[Wanted]:
        """Everybody it names."""
        return [one.wanted for one in self.to] + ([self.actor] if self.actor else [])

    def terms(self) -> Hashable:
        """All it asks but to whom and with which words: what its terms follow from."""
        return (
            self.type,
            self.channels,
            self.priority,
            self.send_at,
            self.expires_at,
            self.locale,
            self.cancellation_key,
            self.attachments,
        )


def _addressee(value: Any, pointer: str) -> Addressee:
    """A bare user id, or an object that also says how to reach the person."""
    if isinstance(value, str):
        return Addressee(wanted=known_as(value, at=pointer), pointer=pointer)
    if not isinstance(value, Mapping):
        fault = Fault(pointer, "invalid_type", "Must be a user id, or an object with a user_id.")
        raise WantedInvalid([fault])
    own = value.get("data", {})
    if not isinstance(own, Mapping):
        raise WantedInvalid([Fault(f"{pointer}/data", "invalid_type", "Must be an object.")])
    person = {name: said for name, said in value.items() if name != "data"}
    return Addressee(wanted=read(person, at=pointer), data=own, pointer=pointer)


def _read_topic(value: Any) -> str | None:
    """The topic that a `to` names, if it does. Raises Problem."""
    if not isinstance(value, Mapping) or not ("topic" in value or "segment" in value):
        return None
    if "segment" in value:
        raise Problem.of("audience_unavailable")
    faults = [
        Fault(f"/to/{name}", "unknown_field", "Remove it: a topic stands alone.")
        for name in sorted(value.keys() - {"topic"})
    ]
    if not isinstance(value["topic"], str):
        faults.append(Fault("/to/topic", "invalid_type", "Must be the key of a topic."))
    if faults:
        _refuse(faults)
    return str(value["topic"])


def read_to(value: Any, pointer: str = "/to") -> tuple[Addressee, ...]:
    """Everyone a `to` names. Raises Problem: all or nothing."""
    one = not isinstance(value, list)
    items: Sequence[Any] = [value] if one else value
    if not items:
        _refuse([Fault(pointer, "required", "Name at least one recipient.")])
    found: list[Addressee] = []
    faults: list[Fault] = []
    for index, item in enumerate(items):
        try:
            found.append(_addressee(item, pointer if one else f"{pointer}/{index}"))
        except WantedInvalid as wrong:
            faults += wrong.faults
    if faults:
        _refuse(faults)
    _refuse_twice(found)
    return tuple(found)


def _refuse(faults: Sequence[Fault]) -> None:
    raise Problem.of("bad_recipient", faults=faults)


def _refuse_twice(found: Sequence[Addressee]) -> None:
    seen: set[str] = set()
    faults = []
    for one in found:
        if one.wanted.user_id in seen:
            faults.append(Fault(one.pointer, "duplicate_recipient", "Named twice in this request."))
        seen.add(one.wanted.user_id)
    if faults:
        raise Problem.of("duplicate_recipient", faults=faults)


class ChannelField(serializers.CharField):
    """An API word for a channel, as its number."""

    def to_internal_value(self, data: Any) -> int:  # type: ignore[override]
        """Read a word."""
        try:
            return channels.by_key(super().to_internal_value(data)).number
        except channels.UnknownChannel as unknown:
            raise serializers.ValidationError(str(unknown), code="unknown_channel") from unknown

    def to_representation(self, value: int) -> str:  # type: ignore[override]
        """Say a number."""
        return channels.by_number(value).key


class SendSerializer(StrictSerializerMixin, serializers.Serializer):  # type: ignore[type-arg]
    """The body of a send."""

    type = serializers.CharField(max_length=80, help_text="The key of a notification type.")
    to = serializers.JSONField(
        help_text="A user id; an object {user_id, email?, phone?, locale?, timezone?, name?, "
        "attributes?, data?} that also creates or changes the person; a list of these, which is an "
        "audience above 1,000; or {topic}, the key of a topic: its subscribers are an audience."
    )
    data = serializers.DictField(required=False, default=dict)  # type: ignore[assignment]
    channels = serializers.ListField(
        child=ChannelField(), required=False, allow_empty=False, help_text="Narrows the steps."
    )
    priority = serializers.ChoiceField(
        choices=[priority.name.lower() for priority in Priority], required=False
    )
    send_at = serializers.DateTimeField(required=False)
    expires_at = serializers.DateTimeField(required=False)
    locale = serializers.CharField(max_length=20, required=False, default="")
    cancellation_key = serializers.CharField(max_length=255, required=False)
    actor = serializers.JSONField(required=False, help_text="A user id or a person object.")
    attachments = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=MOST_ATTACHMENTS,
        help_text="Ids of uploaded files. Mails carry them, other channels do not.",
    )

    def validate_attachments(self, value: list[UUID]) -> list[UUID]:
        """Each once."""
        twice = [index for index, uuid in enumerate(value) if uuid in value[:index]]
        if twice:
            said = [ErrorDetail("Named twice.", "duplicate_attachment")]
            raise serializers.ValidationError({str(index): said for index in twice})
        return value

    def validate_send_at(self, value: datetime) -> datetime:
        """One to which a time to live can still be added."""
        if value.year > LAST_YEAR:
            detail = f"Name a time up to the year {LAST_YEAR}."
            raise serializers.ValidationError(detail, code="too_far")
        return value


_PLAIN = frozenset({"type", "to", "data", "locale", "cancellation_key"})
_PLAINEST = frozenset({"type", "to", "data"})


def _read_plain(body: Any) -> dict[str, Any] | None:
    """What the serializer says of a body in which nothing is wrong or rare; None leaves it to the
    serializer, which takes ten times as long and finds out what is wrong."""
    if type(body) is not dict or not body.keys() <= _PLAIN:
        return None
    said = {"data": {}, "locale": "", **body}
    if type(said["data"]) is not dict or type(body.get("to")) not in (str, dict, list):
        return None
    plain = (
        _is_plain(body.get("type"), 80)
        and ("locale" not in body or _is_plain(body["locale"], 20))
        and ("cancellation_key" not in body or _is_plain(body["cancellation_key"], 255))
    )
    return said if plain else None


def _is_plain(value: Any, longest: int) -> bool:
    """Text that is taken as it is: no blank around it, nothing that cannot be seen."""
    if type(value) is not str or not 0 < len(value) <= longest:
        return False
    return value.isprintable() and value[0] != " " != value[-1]


@cache
def _serializer() -> SendSerializer:
    # Making one costs more than reading a body with it; it keeps nothing of what it read.
    return SendSerializer()


def _read_plainest(body: Any) -> SendRequest | None:
    """The request of a body that says what nearly all do and no more: a type, one user id, data;
    None leaves it to the general way."""
    if type(body) is not dict or body.keys() != _PLAINEST:
        return None
    kind, to, data = body["type"], body["to"], body["data"]
    if type(to) is not str or type(data) is not dict or not _is_plain(kind, 80):
        return None
    try:
        wanted = known_as(to)
    except WantedInvalid:
        return None
    return SendRequest(kind, (Addressee(wanted),), None, data)


def read_send(body: Any) -> SendRequest:
    """Read the body of a send. Raises Problem or DRF's ValidationError, both with pointers."""
    if plainest := _read_plainest(body):
        return plainest
    said = _read_plain(body) or dict(_serializer().run_validation(body))
    only = said.pop("channels", None)
    priority = said.pop("priority", None)
    actor, to = said.pop("actor", None), said.pop("to")
    topic = _read_topic(to)
    return SendRequest(
        to=() if topic is not None else read_to(to),
        topic=topic,
        attachments=tuple(said.pop("attachments", ())),
        actor=None if actor is None else read_to(actor, "/actor")[0].wanted,
        channels=None if only is None else frozenset(only),
        priority=None if priority is None else Priority[priority.upper()],
        **said,
    )
