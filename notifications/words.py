"""Words of notifications as numbers: the database holds the number, the API says the name."""

from enum import IntEnum


class Priority(IntEnum):
    """A request may lower it, never raise it."""

    CRITICAL = 1
    HIGH = 2
    NORMAL = 3
    LOW = 4


class Lane(IntEnum):
    """Who waits for whom: each lane is claimed and worked apart."""

    CRITICAL = 1
    DEFAULT = 2
    BULK = 3


class Mode(IntEnum):
    """The kind of API key a notification was accepted with."""

    LIVE = 1
    TEAM = 2
    TEST = 3


class Status(IntEnum):
    """Of a notification. `planned` still waits for something; a skip is not a failure."""

    ACCEPTED = 1
    PLANNED = 2
    DONE = 3
    CANCELLED = 10
    EXPIRED = 11


OPEN = (Status.ACCEPTED, Status.PLANNED)


# What stands in place of a step where a delivery tells a service of another one.
CALLBACK = -1


class CallbackEvent(IntEnum):
    """What a service can be told of: what a delivery came to, what its person did, and `ping`."""

    SENT = 3
    DELIVERED = 4
    FAILED = 10
    BOUNCED = 11
    COMPLAINED = 12
    EXPIRED = 13
    CANCELLED = 14
    DEAD = 15
    UNCERTAIN = 20
    OPENED = 110
    CLICKED = 111
    SEEN = 112
    READ = 113
    ACTED = 114
    PING = 200

    @property
    def key(self) -> str:
        """As the API says it: `delivery.bounced`, `ping`."""
        word = self.name.lower()
        return word if self is CallbackEvent.PING else f"delivery.{word}"


class Disabled(IntEnum):
    """Why nothing is posted to a callback endpoint."""

    FAILING = 1
    GONE = 2
    SWITCHED_OFF = 3


class AudienceKind(IntEnum):
    """Who an audience is: the people of a topic, or those a request names."""

    TOPIC = 1
    LIST = 2


class AudienceStatus(IntEnum):
    """Of an audience; `done` once everybody has their notification."""

    ACCEPTED = 1
    EXPANDING = 2
    DONE = 3
    CANCELLED = 10
