"""An authenticator for these tests: the token is the user id, and may be taken away."""

from dataclasses import dataclass
from urllib.parse import parse_qs

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from notifysite.plumbing.crypto import DataKey, unwrap
from preferences.models import Recipient

revoked: set[str] = set()


@dataclass(frozen=True, slots=True)
class Visitor:
    recipient_id: int
    key: DataKey


def _visitor(token: str) -> Visitor | None:
    person = Recipient.objects.filter(user_id=token, data_key__isnull=False).first()
    if person is None or token in revoked:
        return None
    return Visitor(person.id, unwrap(person.data_key))


class ByHeader(BaseAuthentication):
    def authenticate(self, request):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            return None
        visitor = _visitor(token)
        if visitor is None:
            raise AuthenticationFailed
        return visitor, token

    def authenticate_header(self, request):
        return "Bearer"


def authenticate_scope(scope):
    query = parse_qs(scope.get("query_string", b"").decode())
    return _visitor(query.get("token", [""])[0])
