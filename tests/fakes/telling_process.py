"""Takes word of deliveries in the default lane, as a process of its own that may be told to die."""

import django

if __name__ == "__main__":
    django.setup()

    from delivery import announcements
    from notifications.words import Lane

    announcements.consume(Lane.DEFAULT)
