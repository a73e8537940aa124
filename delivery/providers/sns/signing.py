"""Requests to AWS under Signature Version 4, with whatever credentials the machine has.

In a file of its own, because importing the AWS SDK takes a part of a second.
"""

import re
from collections.abc import Mapping
from typing import Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session

_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


class NoCredentials(Exception):
    """Nobody said who we are: nothing was sent. `passing`: asked later, somebody may."""

    def __init__(self, code: str, *, passing: bool) -> None:
        super().__init__(code)
        self.code = code
        self.passing = passing


class Signer:
    """Signs for one service in one region.

    Without keys the SDK looks for credentials where it always does, and renews those that end:
    variables, files, the role of the machine. Raises ValueError for what is no region, and for half
    a pair of keys.
    """

    def __init__(self, *, service: str, region: str, key_id: str, secret: str) -> None:
        if _REGION.fullmatch(region) is None:
            raise ValueError(f"region: {region!r} is none such as eu-central-1")
        if bool(key_id) != bool(secret):
            raise ValueError("access_key_id and secret_access_key go together")
        self._service, self._region = service, region
        self._session = Session()
        if key_id:
            self._session.set_credentials(key_id, secret)

    def signed(self, url: str, *, content: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of a POST, with its signature. Raises NoCredentials."""
        try:
            credentials = self._session.get_credentials()
            frozen = credentials and credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise NoCredentials(type(error).__name__, passing=True) from None
        if not frozen:
            raise NoCredentials("no_credentials", passing=False)
        request = AWSRequest(method="POST", url=url, data=content, headers=dict(headers))
        SigV4Auth(frozen, self._service, self._region).add_auth(request)
        return dict(request.headers.items())
