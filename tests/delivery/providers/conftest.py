"""What provider tests share: a mail server, and providers that close what they keep."""

from collections.abc import Callable, Iterator

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
def mailer(smtp: SmtpServer) -> Iterator[Callable[..., DjangoEmail]]:
    """Make an email provider that talks to the mail server; what it keeps is closed at the end."""
    made: list[DjangoEmail] = []

    def make(**options: object) -> DjangoEmail:
        connection = {"host": smtp.host, "port": smtp.port, **options.pop("connection", {})}
        wanted = {
            "backend": SMTP,
            "from_email": "Acme <hello@acme.test>",
            "threads": 1,
            **options,
        }
        made.append(DjangoEmail(alias="email", connection=connection, **wanted))
        return made[-1]

    yield make
    for provider in made:
        provider.close()
