"""What the mail services share: anymail's backend for them, and that they may call back."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from delivery.contracts import Feature
from delivery.providers.email.provider import DjangoEmail

MB: Final = 1024 * 1024


class MailService(DjangoEmail):
    """A mail service, by the backend that anymail has for it.

    `connection` are the arguments of the backend; those without a value are left to anymail.
    `options` are the other options of DjangoEmail. `reports` only where news can be believed: else
    nobody is to wait for it.
    """

    backend: ClassVar[str]
    features = DjangoEmail.features | {Feature.RECEIPTS, Feature.ENGAGEMENT}

    def __init__(
        self, *, alias: str, connection: Mapping[str, Any], reports: bool, **options: Any
    ) -> None:
        given = {name: value for name, value in connection.items() if value}
        super().__init__(alias=alias, backend=self.backend, connection=given, **options)
        self.reports = reports
