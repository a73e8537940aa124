"""Three groups of staff, and what each may do. Superusers may do everything; nobody else may
change staff, groups or each other's rights.

Some deeds go by the permission of the row they change: publishing is changing a template version,
cancelling is changing a notification or an audience, replaying is changing a delivery, lifting is
deleting a suppression, erasing is deleting a recipient, revealing a person is viewing addresses.
"""

from collections.abc import Mapping

from django.contrib.auth.models import Group, Permission
from django.db import transaction

_CONTENT = (
    "notifications.notificationtype",
    "notifications.step",
    "notifications.template",
    "notifications.templateversion",
    "notifications.layout",
    "notifications.layoutversion",
    "preferences.category",
    "preferences.topic",
)
_SENT = ("notifications.audience", "notifications.notification", "delivery.delivery")


def _may(deeds: str, *tables: str) -> set[str]:
    """Permission names: deeds as in "add change", tables as in "app.model"."""
    return {
        f"{app}.{deed}_{model}"
        for deed in deeds.split()
        for app, model in (table.split(".") for table in tables)
    }


ROLES: Mapping[str, frozenset[str]] = {
    # What is said, and nothing about anybody.
    "Editors": frozenset(
        _may("view add change", *_CONTENT)
        | _may("view", "delivery.breaker")
        | _may("delete", "notifications.step", "notifications.layout")
        | _may("delete", "preferences.category", "preferences.topic")
    ),
    # That it arrives: routes, keys, dead letters, schedules.
    "Operators": frozenset(
        _may("view", *_CONTENT, *_SENT, "preferences.recipient", "notifications.render")
        | _may("change", *_SENT)
        | _may("view add change delete", "delivery.route", "notifications.guest")
        | _may("view add change delete", "delivery.messageprice")
        | _may("view add delete", "delivery.suppression")
        | _may("view add change", "notifications.service", "notifications.apikey")
        | _may("view change", "notifications.callbackendpoint")
        | _may("view", "delivery.outboxmessage", "delivery.heartbeat", "delivery.auditentry")
        | _may("view", "delivery.breaker", "notifications.attachment")
        | {"delivery.steer_provider"}
        | _may("delete", "preferences.recipient")
        | _may(
            "view add change delete",
            "django_celery_beat.periodictask",
            "django_celery_beat.crontabschedule",
            "django_celery_beat.intervalschedule",
            "django_celery_beat.solarschedule",
            "django_celery_beat.clockedschedule",
        )
    ),
    # Why somebody got, or did not get, a message.
    "Support": frozenset(
        _may("view", *_SENT, "notifications.render", "preferences.recipient")
        | _may("view", "preferences.address", "preferences.category", "preferences.topic")
        | _may("view", "delivery.breaker", "notifications.callbackendpoint")
        | _may("view", "notifications.attachment")
        | _may("view add delete", "delivery.suppression")
    ),
}


class UnknownPermission(LookupError):
    """A role names permissions that are not there: run the migrations first."""


@transaction.atomic
def set_groups() -> list[str]:
    """Make the groups exactly what the roles say; returns their names."""
    for name, wanted in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        group.permissions.set(_permissions(wanted))
    return list(ROLES)


def _permissions(wanted: frozenset[str]) -> list[Permission]:
    codenames = {one.partition(".")[2] for one in wanted}
    rows = Permission.objects.filter(codename__in=codenames).select_related("content_type")
    found = {f"{row.content_type.app_label}.{row.codename}": row for row in rows}
    if missing := wanted - found.keys():
        raise UnknownPermission(", ".join(sorted(missing)))
    return [found[one] for one in sorted(wanted)]
