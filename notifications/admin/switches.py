"""What was switched about a provider, by whom and why, in words."""

from collections.abc import Iterable, Mapping

from django.contrib.auth import get_user_model

from delivery.overview import Entry
from notifications.admin.spans import span

_DEEDS: Mapping[str, str] = {
    "breaker.opened": "opened",
    "breaker.closed": "closed",
    "provider.drained": "drained",
    "provider.resumed": "resumed",
    "provider.drill_started": "drill begun",
    "provider.drill_ended": "drill ended",
    "provider.tried_now": "to be tried at once",
    "route.enabled": "enabled",
    "route.disabled": "disabled",
    "route.weighed": "weight changed",
}


def told(entry: Entry, names: Mapping[str, str]) -> str:
    """One switch in a line; `names` of the actors of the audit trail."""
    deed = _DEEDS.get(entry.action, entry.action)
    if "weight" in entry.detail:
        deed = f"{deed} to {entry.detail['weight']}"
    if "seconds" in entry.detail:
        deed = f"{deed} for {span(entry.detail['seconds'])}"
    by = "" if entry.actor == "system" else f" by {names.get(entry.actor, entry.actor)}"
    because = f": {entry.reason}" if entry.reason else ""
    return f"{deed}{by}{because}"


def names(entries: Iterable[Entry]) -> dict[str, str]:
    """The names of the staff among the actors; one query."""
    staff = {
        int(number)
        for kind, _, number in (entry.actor.partition(":") for entry in entries)
        if kind == "admin" and number.isdecimal()
    }
    found = get_user_model()._default_manager.filter(pk__in=staff)
    return {f"admin:{user.pk}": user.get_username() for user in found}
