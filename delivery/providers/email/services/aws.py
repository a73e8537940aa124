"""anymail's backend for Amazon SES, over an SDK that survives what gateways answer."""

from typing import Any

from anymail.backends.amazon_ses import EmailBackend


class Backend(EmailBackend):  # type: ignore[misc] # anymail has no types
    """In a file of its own, because importing it takes the AWS SDK a good part of a second."""

    def open(self) -> bool:
        """Make a client where there is none."""
        opened = bool(super().open())
        if opened:
            self.client.meta.events.register("before-parse.sesv2.SendEmail", _readable)
        return opened


def _readable(response_dict: dict[str, Any], **_: Any) -> None:
    # The SDK breaks over a body in no UTF-8, and the status would be lost with it.
    body: bytes = response_dict["body"]
    response_dict["body"] = body.decode(errors="replace").encode()
