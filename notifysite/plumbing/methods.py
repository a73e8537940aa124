"""Which methods a view answers."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

V = TypeVar("V", bound=Callable[..., Any])


def reads_only(view: V) -> V:
    """A view for GET and HEAD; other methods get a 405, not that a form has expired."""
    return csrf_exempt(require_safe(view))
