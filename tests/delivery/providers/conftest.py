"""What provider tests share: a mail server, and providers that close what they keep."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from delivery.providers.email import DjangoEmail
from tests.fakes.smtp import SmtpServer

SMTP = "django.core.mail.backends.smtp.EmailBackend"


PLAIN = ("SIZE 10000000", "8BITMIME")


@pytest.fixture(params=[PLAIN, (*PLAIN, "PIPELINING")], ids=["step by step", "pipelined"])
def smtp(request: pytest.FixtureRequest) -> Iterator[SmtpServer]:
    with SmtpServer(extensions=request.param) as server:
        yield server


@pytest.fixture
def keep() -> Iterator[Callable[[Any], Any]]:
    """Keep a provider that a test made, to close it at the end."""
    with ExitStack() as closing:

        def kept(provider: Any) -> Any:
            closing.callback(provider.close)
            return provider

        yield kept


@pytest.fixture
def mailer(smtp: SmtpServer, keep: Callable[[Any], Any]) -> Callable[..., DjangoEmail]:
    """Make an email provider that talks to the mail server."""

    def make(**options: object) -> DjangoEmail:
        connection = {"host": smtp.host, "port": smtp.port, **options.pop("connection", {})}
        wanted = {
            "backend": SMTP,
            "from_email": "Acme <hello@acme.test>",
            "threads": 1,
            **options,
        }
        return keep(DjangoEmail(alias="email", connection=connection, **wanted))

    return make
