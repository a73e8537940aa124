"""The matrix of crash points: a process exits at each named place, on each channel, and what that
costs is exactly what it must."""

from dataclasses import dataclass

from tests.chaos.faults import fault
from tests.chaos.stand.annex import side_by_side
from tests.chaos.stand.crash_row import Channel, Cost, Row
from tests.chaos.stand.scene import Scene

FLIGHT = 4  # messages of a cell; they all leave in one flight
CHANNELS = {
    "email": Channel(1, "letter"),
    "sms": Channel(2, "text"),
    "web_push": Channel(3, "browser"),
    "mobile_push": Channel(4, "phone"),
    "in_app": Channel(5, "bell", provider="inbox"),
    "webhook": Channel(6, "callback"),
}
NOTHING = Cost(lost=0, unknown=0, copies=0)
MARKED = Cost(lost=0, unknown=FLIGHT, copies=0)
HANDED_OVER = Cost(lost=0, unknown=FLIGHT, copies=FLIGHT)
EXPECTED = {
    "accept.before_commit": NOTHING,
    "accept.committed": NOTHING,
    "plan.claimed": NOTHING,
    "plan.decided": NOTHING,
    "plan.before_commit": NOTHING,
    "plan.committed": NOTHING,
    "dispatch.claimed": NOTHING,
    "dispatch.marked": MARKED,
    "dispatch.sealed": MARKED,
    "dispatch.taking_off": MARKED,
    "dispatch.landed": HANDED_OVER,
    "settle.before_commit": HANDED_OVER,
    "settle.committed": NOTHING,
    "recover.claimed": HANDED_OVER,  # a second crash, over what a first one left
    "announce.consumed": NOTHING,
    "announce.committed": NOTHING,
    "replay.before_commit": NOTHING,
    "replay.committed": NOTHING,
}


@dataclass(frozen=True, slots=True)
class Matrix:
    points: tuple[str, ...] = tuple(EXPECTED)
    channels: tuple[str, ...] = tuple(CHANNELS)
    at_once: int = 6


@fault(
    "F30",
    "a process exits at each named place, on each channel",
    full=Matrix(),
    short=Matrix(
        points=("accept.committed", "dispatch.landed", "replay.before_commit"),
        channels=("email", "in_app"),
        at_once=2,
    ),
)
def test_a_crash_costs_what_its_place_says(scene: Scene, scale: Matrix) -> None:
    matched: list[bool] = []

    def play(own: Scene, channel: str) -> None:
        own.start(ACME_THREADS=str(FLIGHT))
        row = Row(own, CHANNELS[channel], flight=FLIGHT)
        for point in scale.points:
            found, wanted = row.cost(point), expected(channel, point)
            matched.append(found == wanted)
            scene.note(cells=len(matched), as_expected=sum(matched))
            own.demand(f"{point} costs {wanted}, not {found}", found == wanted)

    side_by_side(scene, scale.channels, play, at_once=scale.at_once)


def expected(channel: str, point: str) -> Cost:
    """In the inbox a message is one row, however often it is handed over."""
    cost = EXPECTED[point]
    return cost._replace(copies=0) if channel == "in_app" else cost
