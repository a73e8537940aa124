"""Fill an empty database with what the faults send; prints an API key as JSON.

Run as a process of its own, because the suite itself knows no database but through sockets.
"""

import json
from typing import Any

import django
from django.core.management import call_command

# type key -> its channels, and what else is said of it
TYPES: dict[str, dict[str, Any]] = {
    "letter": {"steps": ["email"]},
    "urgent": {"steps": ["email"], "priority": "CRITICAL"},
    "offer": {"steps": ["email"], "priority": "LOW"},
    "code": {"steps": ["email"], "priority": "CRITICAL", "uncertain": "STOP", "ttl_seconds": 600},
    "text": {"steps": ["sms"]},
    "browser": {"steps": ["web_push"]},
    "phone": {"steps": ["mobile_push"]},
    "callback": {"steps": ["webhook"]},
    "bell": {"steps": ["in_app"]},
    "both": {"steps": ["in_app", "email"]},
}


def fill() -> dict[str, str]:
    """Make types, a category and a service; returns what the load generator needs."""
    from delivery.lifecycle import Uncertain
    from notifications.services.keys import DEFAULT_SCOPES
    from notifications.words import Priority
    from tests import factories

    category = factories.make_category("chaos", default_channels=[1, 2, 3, 4, 5, 6])
    for key, said in TYPES.items():
        named = {"priority": Priority[said.get("priority", "NORMAL")]}
        named["uncertain"] = Uncertain[said.get("uncertain", "RESEND")]
        steps = [{"channel": channel} for channel in said["steps"]]
        more = {name: said[name] for name in ("ttl_seconds",) if name in said}
        factories.make_type(key, steps=steps, category=category, **named, **more)
    return {"key": factories.make_key(scopes=[*DEFAULT_SCOPES, "deliveries:replay"]).secret}


if __name__ == "__main__":
    django.setup()
    call_command("migrate", verbosity=0)
    print(json.dumps(fill()))
