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
