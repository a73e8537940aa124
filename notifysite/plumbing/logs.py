"""Logs: one JSON object per line, with ids and never with addresses, bodies or secrets."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import Token
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import WrappedLogger

from notifysite.plumbing.redaction import redact_fields

__all__ = ["bind", "configure"]

REQUEST_ID = "id_in_logs"  # the attribute of a request that holds its id

# These come with handlers of their own, or get them from whoever starts them.
_OTHERS = (
    "django",
    "django.server",
    "django.request",
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "celery",
    "celery.task",
    "celery.worker",
    "celery.redirected",
)
# These write a line per request, with addresses and tokens in its URL, or two per nudge.
_TALKATIVE = (
    "uvicorn.access",
    "httpx",
    "httpcore",
    "websockets",
    "hpack",
    "celery.worker.strategy",
    "celery.app.trace",
)


def configure(level: str | int, *, stream: TextIO | None = None) -> None:
    """Send everything logged from `level` on to `stream` (standard error) as JSON lines."""
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_formatter())
    root = logging.getLogger()
    root.setLevel(level)
    root.handlers = [handler]
    for name in _OTHERS:
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _formatter() -> ProcessorFormatter:
    return ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ExtraAdder(),
            _name_request,
        ],
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            ProcessorFormatter.remove_processors_meta,
            _redact,
            structlog.processors.JSONRenderer(),
        ],
    )


def _name_request(
    logger: WrappedLogger, method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Say the id of the request that Django logs about, in place of the request."""
    id_ = getattr(entry.pop("request", None), REQUEST_ID, None)
    if id_ is not None:
        entry["http_request"] = id_
    return entry


def _redact(
    logger: WrappedLogger, method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # Last before the line is rendered: by now arguments and tracebacks have become text.
    return redact_fields(entry)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; a log call that is itself wrong gives one, too, without its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:
        kind = sys.exc_info()[0]
        line = {
            "event": "a log entry could not be written",
            "level": "error",
            "logger": record.name,
            "place": f"{record.module}:{record.lineno}",
            "kind": kind.__name__ if kind else "",
        }
        try:
            self.stream.write(json.dumps(line) + self.terminator)
        except (OSError, ValueError):
            return


def bind(**ids: object) -> AbstractContextManager[None]:
    """Add ids to all that is logged in this context; used by `with`, take them off at its end."""
    return _bound(structlog.contextvars.bind_contextvars(**ids))


@contextmanager
def _bound(before: Mapping[str, Token[Any]]) -> Iterator[None]:
    try:
        yield
    finally:
        structlog.contextvars.reset_contextvars(**before)
