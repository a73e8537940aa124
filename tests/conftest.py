"""What every test may use."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests.chaos.stand.proxy import Proxy
from tests.fakes import brokers

# The machine may be slow and busy; a law either holds or it does not.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


@pytest.fixture(params=["redis", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def broker_url(request: pytest.FixtureRequest, settings: Any) -> str:
    """Of each broker there is."""
    return brokers.RABBITMQ if request.param == "rabbitmq" else brokers.redis_url(settings)


@pytest.fixture
def wire(broker_url: str) -> Iterator[Proxy]:
    """A proxy in front of that broker; its address is `brokers.through(wire, broker_url)`."""
    proxy = brokers.proxy_for(broker_url)
    proxy.start()
    yield proxy
    proxy.stop()
