"""The shapes of bodies, for the API's schema; reading them is the business of the rooms below."""

from rest_framework import serializers


class DeviceShape(serializers.Serializer[None]):
    """A browser, phone or webhook of a person; never its token, endpoint or keys."""

    id = serializers.CharField()
    channel = serializers.CharField()
    kind = serializers.CharField(allow_null=True)
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    last_ok_at = serializers.DateTimeField(allow_null=True)


class DevicePage(serializers.Serializer[None]):
    """All devices of a person."""

    results = DeviceShape(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class DeviceBody(serializers.Serializer[None]):
    """`web_push` takes `subscription`, `mobile_push` `kind` and `token`, `webhook` `url`."""

    channel = serializers.ChoiceField(["web_push", "mobile_push", "webhook"])
    kind = serializers.ChoiceField(["fcm", "apns"], required=False)
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
    topics = serializers.ListField(child=serializers.CharField())


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
