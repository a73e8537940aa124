"""Which form an answer takes: JSON, unless the caller asks for something else."""

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

JSON = "application/json"


class Negotiation(DefaultContentNegotiation):
    """The framework's, which weighs what was asked for; here only where there is a choice."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """Choose a renderer and the media type to answer with. Raises NotAcceptable."""
        first, *others = renderers
        takes_any = request.META.get("HTTP_ACCEPT", "") in ("", "*/*", JSON)
        asks = format_suffix is not None or bool(request.META.get("QUERY_STRING"))
        if takes_any and not asks and not others and first.media_type == JSON:
            return first, JSON
        chosen: tuple[BaseRenderer, str] = super().select_renderer(
            request, [first, *others], format_suffix
        )
        return chosen
