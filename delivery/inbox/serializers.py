"""The shapes of the inbox API."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from delivery.inbox import content
from delivery.inbox.items import Shelf
from delivery.models import InboxItem
from notifysite.plumbing.crypto import DataKey
from notifysite.plumbing.problems import StrictSerializerMixin

MOST_IDS = 1000
LONGEST_SNOOZE = timedelta(days=366)
BIGGEST_NUMBER = 2**63 - 1
PRIORITIES = {1: "critical", 2: "high", 3: "normal", 4: "low"}


def shown(item: InboxItem, key: DataKey) -> dict[str, Any]:
    """An item as its owner sees it."""
    said = content.unseal(bytes(item.content), key, item.id)
    return {
        "id": item.id,
        "seq": item.seq,
        "changed_seq": item.changed_seq,
        "notification_id": item.notification_id,
        **said,
        "actions": [
            {**action, **_done(item, number)} for number, action in enumerate(said["actions"])
        ],
        "category": item.category,
        "type": item.type,
        "priority": PRIORITIES[item.priority],
        "silent": item.silent,
        "created_at": item.created_at,
        "expires_at": item.expires_at,
        "seen_at": item.seen_at,
        "read_at": item.read_at,
        "archived_at": item.archived_at,
        "snoozed_until": item.snoozed_until,
    }


def _done(item: InboxItem, number: int) -> dict[str, Any]:
    """When an action was done and by whom; None where it was not."""
    told = (item.done or {}).get(str(number), {})
    at = told.get("at")
    return {"done_at": datetime.fromisoformat(at) if at else None, "done_by": told.get("by")}


class ActionSerializer(serializers.Serializer[Any]):
    """A button of an item; `done_at` and `done_by` (`recipient`) say that it was done."""

    label = serializers.CharField()  # type: ignore[assignment]  # Field has one, too
    url = serializers.CharField()
    done_at = serializers.DateTimeField(allow_null=True)
    done_by = serializers.CharField(allow_null=True)


class ItemSerializer(serializers.Serializer[Any]):
    """An item of the inbox. `changed_seq` moves with every change, `seq` only when a snooze is
    over: the item is on top again. `silent` asks for no toast and no sound."""

    id = serializers.UUIDField()
    seq = serializers.IntegerField()
    changed_seq = serializers.IntegerField()
    notification_id = serializers.UUIDField()
    title = serializers.CharField()
    body = serializers.CharField()
    url = serializers.CharField()
    image = serializers.CharField()
    icon = serializers.CharField()
    actions = ActionSerializer(many=True)
    category = serializers.CharField()
    type = serializers.CharField()
    priority = serializers.ChoiceField(list(PRIORITIES.values()))
    silent = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)
    archived_at = serializers.DateTimeField(allow_null=True)
    snoozed_until = serializers.DateTimeField(allow_null=True)


class PageSerializer(serializers.Serializer[Any]):
    """A page of items, and where the inbox stood when it was read."""

    results = ItemSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    seq = serializers.IntegerField()
    unread = serializers.IntegerField()


class ShelvesSerializer(serializers.Serializer[Any]):
    """How many items lie on each shelf; `all` is what is neither archived nor snoozed."""

    all = serializers.IntegerField()
    unseen = serializers.IntegerField()
    unread = serializers.IntegerField()
    read = serializers.IntegerField()
    archived = serializers.IntegerField()
    snoozed = serializers.IntegerField()


class CountsSerializer(ShelvesSerializer):
    """The same over all categories, and for each one that has items."""

    categories = serializers.DictField(child=ShelvesSerializer())


class MarkedSerializer(serializers.Serializer[Any]):
    """How many items changed, and where the inbox stands now."""

    changed = serializers.IntegerField()
    seq = serializers.IntegerField()
    unread = serializers.IntegerField()


class ListQuery(StrictSerializerMixin, serializers.Serializer[Any]):
    """The query of the list. `since` asks for all changes after a number, oldest first."""

    filter = serializers.ChoiceField(list(Shelf), required=False)
    category = serializers.CharField(required=False, max_length=80)
    since = serializers.IntegerField(required=False, min_value=0, max_value=BIGGEST_NUMBER)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=100)
    cursor = serializers.CharField(required=False, max_length=200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a shelf together with `since`: what left the shelf would go unnoticed."""
        if "since" in attrs and "filter" in attrs:
            raise serializers.ValidationError(
                {"filter": "Leave `filter` out: `since` tells of every change."}, code="excluded"
            )
        return attrs


def future(moment: datetime) -> None:
    """Refuse a moment that is past, or more than a year away."""
    now = timezone.now()
    if moment <= now:
        raise serializers.ValidationError("Name a time in the future.", code="past")
    if moment > now + LONGEST_SNOOZE:
        raise serializers.ValidationError("Name a time within a year.", code="too_far")


class ChangeBody(StrictSerializerMixin, serializers.Serializer[Any]):
    """What to change about one item. Seeing cannot be taken back."""

    seen = serializers.BooleanField(required=False)
    read = serializers.BooleanField(required=False)
    archived = serializers.BooleanField(required=False)
    snoozed_until = serializers.DateTimeField(required=False, allow_null=True, validators=[future])

    def validate_seen(self, value: bool) -> bool:
        """What was seen stays seen."""
        if not value:
            raise serializers.ValidationError("What was seen stays seen.", code="not_reversible")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """At least one change."""
        if not attrs:
            raise serializers.ValidationError(
                "Name seen, read, archived or snoozed_until.", code="empty"
            )
        return attrs


class MarkBody(StrictSerializerMixin, serializers.Serializer[Any]):
    """Which items to mark: these, or all; `up_to` spares what came after that number."""

    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, min_length=1, max_length=MOST_IDS
    )
    all = serializers.BooleanField(required=False)
    up_to = serializers.IntegerField(required=False, min_value=0, max_value=BIGGEST_NUMBER)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Either ids or all."""
        if ("ids" in attrs) == attrs.get("all", False):
            raise serializers.ValidationError(
                'Send either {"ids": […]} or {"all": true}.', code="ids_or_all"
            )
        if "up_to" in attrs and "ids" in attrs:
            raise serializers.ValidationError(
                {"up_to": "`up_to` goes with `all` only."}, code="excluded"
            )
        return attrs


class SnoozeBody(MarkBody):
    """The same, and until when the items are to be away."""

    until = serializers.DateTimeField(validators=[future])
