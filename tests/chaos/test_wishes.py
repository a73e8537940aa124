"""A person opts out while messages to them are queued: none leaves that was not marked before."""

import time
from dataclasses import dataclass

from tests.chaos.faults import fault
from tests.chaos.stand.program import wait_until
from tests.chaos.stand.scene import Scene

# Each mark is written down with its transaction, whose commit PostgreSQL then gives a time.
WITNESS = """
    CREATE TABLE chaos_mark (delivery_id uuid, xid xid8 DEFAULT pg_current_xact_id());
    CREATE FUNCTION chaos_witness() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO chaos_mark (delivery_id) VALUES (NEW.id); RETURN NULL; END $$;
    CREATE TRIGGER chaos_witness AFTER UPDATE ON delivery FOR EACH ROW
        WHEN (OLD.state = 1 AND NEW.state = 2) EXECUTE FUNCTION chaos_witness();
"""
MARKS = """
    SELECT d.id::text, r.user_id, extract(epoch FROM pg_xact_commit_timestamp(m.xid::xid))::float8
    FROM chaos_mark AS m JOIN delivery AS d ON d.id = m.delivery_id
    JOIN recipient AS r ON r.id = d.recipient_id
"""
HELD_BACK = "SELECT count(*) FROM delivery WHERE state = 14 AND reason IN (7, 8)"
QUEUED = "SELECT count(*) FROM delivery WHERE state = 1"
OPT_OUT = {"channels": {"email": {"enabled": False}}}


@dataclass(frozen=True, slots=True)
class OptOuts:
    queued: int
    people: int
    workers: int = 2


@fault(
    "F32",
    "people opt out while messages to them are queued",
    full=OptOuts(queued=5_000, people=500),
    short=OptOuts(queued=120, people=30, workers=1),
)
def test_nothing_is_marked_for_somebody_who_has_opted_out(scene: Scene, scale: OptOuts) -> None:
    tell_commit_times(scene)
    scene.start(workers={}, pump=1)
    scene.provider.tell("acme", delay=0.2)
    scene.database.sql(WITNESS)
    scene.load.send(scale.queued, per_request=min(1000, scale.queued // 4))
    for _ in range(scale.workers):
        scene.crew.start("worker-default")
    wait_until(lambda: scene.delivered() > 0, "messages were sent")
    wait_until(lambda: scene.database.number(QUEUED) > scale.people, "messages were queued")
    over = opt_out(scene, scale)
    scene.come_to_rest()

    taken = {entry["reference"] for entry in scene.provider.taken()}
    marks = scene.database.sql(MARKS)
    late = [id_ for id_, person, at in marks if id_ in taken and at > over.get(person, at)]
    looked_at = [id_ for id_, person, at in marks if at > over.get(person, at)]
    held_back = scene.database.number(HELD_BACK)
    scene.note(
        opted_out=len(over), marked_after=len(looked_at), sent_after=len(late), held_back=held_back
    )
    scene.demand("nothing marked after an opt-out is sent", not late)
    scene.demand("an opt-out holds messages back", held_back > 0)
    scene.demand("all that was marked after one is held back", held_back >= len(looked_at))
    scene.judge()


def tell_commit_times(scene: Scene) -> None:
    """Let PostgreSQL keep the time of each commit; it asks for a restart."""
    scene.database.sql("ALTER SYSTEM SET track_commit_timestamp = on")
    if scene.database.number("SHOW track_commit_timestamp") == "off":
        scene.database.restart("fast")


def opt_out(scene: Scene, scale: OptOuts) -> dict[str, float]:
    """Let people opt out of email, one after the other; by when each had its answer."""
    over: dict[str, float] = {}
    for number in scene.luck.sample(range(1, scale.queued + 1), scale.people):
        answer = scene.load.ask("PATCH", f"users/person-{number}/preferences", OPT_OUT)
        assert answer.status_code == 200, answer.text
        over[f"person-{number}"] = time.time()
    return over
