"""The oracle finds what it is there to find: it is shown doctored evidence."""

from pathlib import Path
from typing import Any

import pytest

from tests.chaos.stand import oracle
from tests.chaos.stand.report import Finding
from tests.chaos.stand.scene import Scene
from tests.chaos.stand.stand import Stand

SENT = 6


@pytest.fixture(scope="module")
def scene(stand: Stand, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Six messages that were sent without a fault."""
    finding = Finding(fault="F00", what="nothing is broken", scale="short", seed="0")
    folder: Path = tmp_path_factory.mktemp("oracle")
    with Scene(stand, folder, finding) as staged:
        staged.start(workers={})
        staged.load.send(SENT, per_request=2)
        staged.judge()
        yield staged


def laws(scene: Scene, *, ledger: Any = None, accepted: Any = None) -> list[str]:
    found = oracle.audit(
        scene.database,
        accepted=scene.load.accepted() if accepted is None else accepted,
        ledger=scene.provider.taken() if ledger is None else ledger,
    )
    return [law.partition(":")[0] for law in found.broken]


def test_nothing_is_wrong_where_nothing_was_broken(scene: Scene) -> None:
    found = scene.compare()

    assert (found.accepted, found.delivered, found.lost, found.copies) == (SENT, SENT, 0, 0)
    assert found.broken == []


def test_a_message_missing_from_the_ledger_is_lost(scene: Scene) -> None:
    assert laws(scene, ledger=scene.provider.taken()[1:]) == [
        "lost",
        "recorded as accepted, and not in the ledger",
    ]


def test_a_second_line_without_a_lost_answer_is_no_excused_copy(scene: Scene) -> None:
    again = {**scene.provider.taken()[0], "id": "acme-999"}

    assert laws(scene, ledger=[*scene.provider.taken(), again]) == [
        "taken more often than tries without an answer explain"
    ]


def test_an_accepted_notification_without_a_row_is_lost(scene: Scene) -> None:
    accepted = [*scene.load.accepted(), "01890000-0000-7000-8000-000000000000"]

    assert laws(scene, accepted=accepted) == ["accepted, and not in the database"]


def test_a_row_that_was_accepted_for_nobody_is_found(scene: Scene) -> None:
    assert laws(scene, accepted=scene.load.accepted()[1:]) == [
        "in the database, and accepted for nobody"
    ]


def test_a_row_that_nobody_works_on_any_more_is_found(scene: Scene) -> None:
    scene.database.sql(
        "UPDATE delivery SET state = 1, due_at = now() + interval '1 day'"
        " WHERE id = (SELECT min(id::text)::uuid FROM delivery)"
    )

    assert laws(scene) == ["deliveries that are still ours to send"]
