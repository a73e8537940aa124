"""The chaos suite: real servers, real processes, real faults, and an oracle that counts.

`make chaos` runs every fault in full; `make chaos ARGS="-k F01"` one of them. The short ones are
seconds long: `pytest tests/chaos -m "not chaos" -k F01`. CHAOS_SEED repeats a run. What was found
is printed, and kept under var/chaos/.

To add a fault:

1. Write one function in the file of what breaks (`test_workers.py`, `test_brokers.py`, …), named
   as the sentence that must hold, under `@fault("F99", "what is done", full=…, short=…)`. Its
   arguments are `scene` and `scale`.
2. `scene.start(…)` the processes it needs, `scene.provider.tell(…)` how the provider behaves,
   `scene.load.send(…)` the notifications; then break something of `scene.crew`,
   `scene.database`, `scene.broker`, `scene.database_wire` or `scene.broker_wire`.
3. `scene.note(…)` the fault's own numbers, `scene.demand("sentence", holds)` what is special to it,
   and end with `scene.judge()`, which waits for rest and checks the laws that hold for all of
   them (see `stand/oracle.py`).

All luck is drawn from `scene.luck`. Nothing may depend on how fast a machine is, save where the
fault is about time; then the bound is the promise, not a measurement.
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.stand.brokers import RabbitMQ, required
from tests.chaos.stand.report import Finding
from tests.chaos.stand.scene import Scene
from tests.chaos.stand.stand import Stand

SEED = os.environ.get("CHAOS_SEED") or secrets.token_hex(4)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let `-k F01` find a fault by its id."""
    for item in items:
        if mark := item.get_closest_marker("fault"):
            item.extra_keyword_matches.add(mark.args[0])


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    """Servers of the suite's own, shared by its faults."""
    with Stand() as running:
        yield running


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> str:
    """The kind of broker a fault runs with."""
    return str(getattr(request, "param", "redis"))


@pytest.fixture
def scene(
    request: pytest.FixtureRequest,
    stand: Stand,
    broker: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Scene]:
    """An empty database, empty brokers, a provider; and a finding to be filled."""
    if broker == "rabbitmq" and not RabbitMQ.is_here():
        missing = "no rabbitmq-server on this machine"
        pytest.fail(missing) if required("rabbitmq") else pytest.skip(missing)
    name, what = request.node.get_closest_marker("fault").args
    full = "full" in request.node.callspec.id.split("-")
    variant = broker if "broker" in request.node.callspec.params else ""
    finding = Finding(
        fault=name, what=what, scale="full" if full else "short", seed=SEED, variant=variant
    )
    with Scene(stand, tmp_path, finding, broker=broker) as staged:
        yield staged
    with capsys.disabled():
        print(f"\n{finding.line()}")
