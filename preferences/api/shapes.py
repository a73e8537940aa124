"""The shapes of bodies, for the API's schema; reading them is the business of the rooms below."""

from typing import Any

from rest_framework import serializers

from delivery import channels
from notifysite.plumbing.faults import StrictSerializerMixin
from notifysite.plumbing.paging import PageSerializer
from preferences.models.category import KEY


class DeviceShape(serializers.Serializer[None]):
    """A browser, phone, webhook or chat of a person; never its token, URL or keys."""

    id = serializers.CharField()
    channel = serializers.CharField()
    kind = serializers.CharField(allow_null=True)
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    last_ok_at = serializers.DateTimeField(allow_null=True)


class DeviceAdded(DeviceShape):
    """A device as it was added. `secret` is what a new webhook is signed with, shown this once."""

    secret = serializers.CharField(required=False)


class DevicePage(serializers.Serializer[None]):
    """All devices of a person."""

    results = DeviceShape(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class DeviceBody(serializers.Serializer[None]):
    """`web_push` takes `subscription`, `mobile_push` `kind` and `token`, the others `url`."""

    channel = serializers.ChoiceField(["web_push", "mobile_push", "webhook", "chat"])
    kind = serializers.ChoiceField(channels.MOBILE_PUSH.kinds, required=False)
    token = serializers.CharField(required=False)
    subscription = serializers.JSONField(required=False)
    url = serializers.URLField(required=False)
    label = serializers.CharField(  # type: ignore[assignment]
        required=False, max_length=120
    )


class UserBody(serializers.Serializer[None]):
    """What a caller says about a person. Null or "" clears; attributes are merged (RFC 7396)."""

    user_id = serializers.CharField(required=False)
    name = serializers.CharField(required=False, allow_null=True)
    email = serializers.CharField(required=False, allow_null=True)
    phone = serializers.CharField(required=False, allow_null=True, help_text="E.164")
    locale = serializers.CharField(required=False, allow_null=True, help_text="such as de-CH")
    timezone = serializers.CharField(required=False, allow_null=True, help_text="IANA")
    attributes = serializers.JSONField(required=False, allow_null=True)


class BulkUserBody(UserBody):
    """One person of many."""

    user_id = serializers.CharField()


class BulkBody(serializers.Serializer[None]):
    """Up to 1,000 people, each created or changed as by PATCH."""

    users = BulkUserBody(many=True)


class UserShape(serializers.Serializer[None]):
    """A person."""

    user_id = serializers.CharField()
    name = serializers.CharField(allow_null=True)
    email = serializers.EmailField(allow_null=True)
    phone = serializers.CharField(allow_null=True)
    locale = serializers.CharField(allow_null=True)
    timezone = serializers.CharField(allow_null=True)
    attributes = serializers.DictField()
    paused_until = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    devices = DeviceShape(many=True)


class FaultShape(serializers.Serializer[None]):
    """What is wrong, and where."""

    pointer = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class BulkResult(serializers.Serializer[None]):
    """What became of one person, at the place they had in the body."""

    user_id = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(["created", "updated", "invalid"])
    errors = FaultShape(many=True, required=False)  # type: ignore[assignment]


class BulkAnswer(serializers.Serializer[None]):
    """One result per person, in order."""

    results = BulkResult(many=True)


class TokenBody(serializers.Serializer[None]):
    """How long the token is to last, in seconds."""

    expires_in = serializers.IntegerField(
        required=False, min_value=60, max_value=86_400, default=3600
    )


class TokenShape(serializers.Serializer[None]):
    """A token by which a person's application acts for them."""

    token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class ChannelState(serializers.Serializer[None]):
    """Whether a channel is used for a category, and who decided that when."""

    enabled = serializers.BooleanField(allow_null=True)
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]
    updated_at = serializers.DateTimeField(allow_null=True, read_only=True)


class ChannelSwitch(serializers.Serializer[None]):
    """Whether a channel is used at all; switched on it is used where it was before."""

    enabled = serializers.BooleanField(allow_null=True)


class CategoryPreferences(serializers.Serializer[None]):
    """Wishes about one category. `cadence` and `cap` cannot be set yet."""

    enabled = serializers.BooleanField(allow_null=True)
    cadence = serializers.JSONField(allow_null=True)
    snoozed_until = serializers.DateTimeField(allow_null=True)
    cap = serializers.IntegerField(allow_null=True)
    preferred_channel = serializers.CharField(allow_null=True)
    channels = serializers.DictField(child=ChannelState())


class Preferences(serializers.Serializer[None]):
    """What a person wants. In a PATCH null goes back to what holds by default."""

    categories = serializers.DictField(child=CategoryPreferences())
    channels = serializers.DictField(child=ChannelSwitch())
    quiet_hours = serializers.JSONField(
        allow_null=True,
        help_text='{"timezone": …, "days": {"monday": [{"start": "22:00", "end": "07:00"}]}}',
    )
    paused_until = serializers.DateTimeField(allow_null=True)
    locale = serializers.CharField(allow_null=True)
    timezone = serializers.CharField(allow_null=True)
    topics = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="All that the person is to have."
    )


class CategoryShape(serializers.Serializer[None]):
    """What people choose about."""

    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    translations = serializers.JSONField()
    kind = serializers.ChoiceField(["security", "transactional", "marketing"])
    mandatory = serializers.BooleanField()
    default_channels = serializers.ListField(child=serializers.CharField())
    position = serializers.IntegerField()


class CategoryPage(serializers.Serializer[None]):
    """All categories, in the order people see them."""

    results = CategoryShape(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class TopicTranslation(StrictSerializerMixin, serializers.Serializer[Any]):
    """A topic's words in one language."""

    name = serializers.CharField(required=False, max_length=120)
    description = serializers.CharField(required=False, max_length=300, allow_blank=True)


class TopicEdit(StrictSerializerMixin, serializers.Serializer[Any]):
    """What may be changed of a topic."""

    name = serializers.CharField(max_length=120)
    description = serializers.CharField(required=False, max_length=300, allow_blank=True)
    translations = serializers.DictField(
        child=TopicTranslation(), required=False, help_text='{"de": {"name": …, "description": …}}'
    )


class TopicBody(TopicEdit):
    """A new topic; its key stays."""

    key = serializers.CharField(max_length=80, validators=[KEY])


class TopicShape(serializers.Serializer[Any]):
    """What people subscribe to."""

    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    translations = serializers.JSONField()
    created_at = serializers.DateTimeField()


class TopicDetail(TopicShape):
    """One topic, with how many people are subscribed."""

    subscribers = serializers.IntegerField()


class TopicPage(PageSerializer):
    """A page of topics, by key."""

    results = TopicShape(many=True)


class MyTopic(serializers.Serializer[Any]):
    """A topic in the person's language, and whether they are subscribed."""

    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    subscribed = serializers.BooleanField()


class MyTopicPage(PageSerializer):
    """A page of topics, by key."""

    results = MyTopic(many=True)


class UserIds(serializers.Serializer[Any]):
    """Up to 1,000 user ids."""

    users = serializers.ListField(child=serializers.CharField(), min_length=1, max_length=1000)


class UserIdPage(PageSerializer):
    """A page of user ids."""

    results = serializers.ListField(child=serializers.CharField())


class Subscribed(serializers.Serializer[Any]):
    """How many people were not subscribed before."""

    subscribed = serializers.IntegerField()


class Unsubscribed(serializers.Serializer[Any]):
    """How many people were subscribed before."""

    unsubscribed = serializers.IntegerField()
