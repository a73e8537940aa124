"""Replays every dead letter, as a process of its own that may be told to die."""

import django

if __name__ == "__main__":
    django.setup()

    from notifications import replaying
    from notifications.services.authentication import Caller
    from notifications.words import Mode

    replaying.many(
        replaying.Filter(),
        caller=Caller(
            service_id=0,
            service_key="",
            operator="admin:2",
            key_id=0,
            mode=Mode.LIVE,
            scopes=frozenset({"read:all"}),
        ),
    )
