"""The shapes that calls about notifications answer with, and the fields they share."""

from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from delivery.lifecycle import Reason, State
from notifications.intake.request import ChannelField
from notifications.planning.decision import Does
from notifications.words import Priority, Status
from notifysite.plumbing.faults import StrictSerializerMixin
from notifysite.plumbing.paging import PageQuery, PageSerializer

STATUSES = [status.name.lower() for status in Status]
STATES = [state.name.lower() for state in State]
REASONS = [reason.name.lower() for reason in Reason]
PRIORITIES = [priority.name.lower() for priority in Priority]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MomentField(serializers.DateTimeField):
    """A moment since 1970: what is older has no id."""

    def to_internal_value(self, value: Any) -> datetime:
        """Read RFC 3339."""
        moment = super().to_internal_value(value)
        if moment < _EPOCH:
            raise serializers.ValidationError("Name a time since 1970.", code="too_early")
        return moment


class DecisionSerializer(serializers.Serializer[Any]):
    """What was decided about one step, why, and whose word it was."""

    step = serializers.IntegerField()
    channel = serializers.CharField()
    outcome = serializers.ChoiceField([str(does) for does in Does])
    reason = serializers.ChoiceField(REASONS, allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]  # a field, not the argument


class DeliverySerializer(serializers.Serializer[Any]):
    """One message over one channel to one address."""

    id = serializers.UUIDField()
    channel = serializers.CharField()
    status = serializers.ChoiceField(STATES)
    reason = serializers.ChoiceField(REASONS, allow_null=True)
    provider = serializers.CharField(allow_null=True)
    attempts = serializers.IntegerField()
    due_at = serializers.DateTimeField(allow_null=True)
    sent_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    opened_at = serializers.DateTimeField(allow_null=True)
    clicked_at = serializers.DateTimeField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    read_at = serializers.DateTimeField(allow_null=True)


class NotificationSerializer(serializers.Serializer[Any]):
    """One accepted request for one recipient."""

    id = serializers.UUIDField()
    request_id = serializers.UUIDField()
    type = serializers.CharField()
    user_id = serializers.CharField(allow_blank=True, help_text="Empty once erased.")
    status = serializers.ChoiceField(STATUSES)
    priority = serializers.ChoiceField(PRIORITIES)
    created_at = serializers.DateTimeField()
    send_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    decision = DecisionSerializer(many=True)
    deliveries = DeliverySerializer(many=True)
    attachments = serializers.ListField(
        child=serializers.UUIDField(), required=False, help_text="Where it names any."
    )


class NotificationPageSerializer(PageSerializer):
    """A page of notifications, newest first."""

    results = NotificationSerializer(many=True)


class EntrySerializer(serializers.Serializer[Any]):
    """One thing that happened; further ids and codes depend on its kind."""

    at = serializers.DateTimeField()
    kind = serializers.CharField()
    text = serializers.CharField()
    delivery_id = serializers.UUIDField(required=False)
    channel = serializers.CharField(required=False)
    step = serializers.IntegerField(required=False)
    reason = serializers.CharField(required=False, allow_null=True)


class TimelineSerializer(serializers.Serializer[Any]):
    """A notification's story, oldest first."""

    results = EntrySerializer(many=True)


class NotificationQuery(PageQuery):
    """Which notifications to list; without `since`, those of the last 30 days."""

    user_id = serializers.CharField(required=False, max_length=255)
    type = serializers.CharField(required=False, max_length=80)
    request_id = serializers.UUIDField(required=False, help_text="Of one request or audience.")
    status = serializers.ChoiceField(STATUSES, required=False)
    channel = ChannelField(required=False, help_text="Has a delivery on this channel.")
    since = MomentField(required=False, help_text="Created then or later.")
    until = MomentField(required=False, help_text="Created before then.")


class CancelBody(StrictSerializerMixin, serializers.Serializer[Any]):
    """What to take back: all with this key, or those for these users."""

    cancellation_key = serializers.CharField(max_length=255)
    user_ids = serializers.ListField(
        child=serializers.CharField(max_length=255), required=False, min_length=1, max_length=1000
    )


class ReplayFilter(StrictSerializerMixin, serializers.Serializer[Any]):
    """Which dead letters; an empty filter means all of them. Uncertain ones must be asked for:
    they may have arrived."""

    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, min_length=1, max_length=1000
    )
    status = serializers.ListField(
        child=serializers.ChoiceField(["dead", "uncertain"]), required=False, min_length=1
    )
    channel = ChannelField(required=False)
    provider = serializers.CharField(required=False, max_length=40)
    reason = serializers.ChoiceField(REASONS, required=False)
    type = serializers.CharField(required=False, max_length=80)
    since = MomentField(required=False)
    until = MomentField(required=False)


class ReplayBody(StrictSerializerMixin, serializers.Serializer[Any]):
    """A filter."""

    filter = ReplayFilter()


class ReplayedSerializer(serializers.Serializer[Any]):
    """How many were queued again, and when the last of them leaves; refused ones by reason; `more`
    asks for another call."""

    replayed = serializers.IntegerField()
    under_way = serializers.IntegerField()
    refused = serializers.DictField(child=serializers.IntegerField())
    more = serializers.BooleanField()
    last_due_at = serializers.DateTimeField(allow_null=True)
