"""A mail service with an HTTP API in the words of Postmark, that does as told."""

from tests.fakes.service import Reply, Service, Taken


class MailApi(Service):
    """Takes every letter, unless told otherwise."""

    def answer(self, call: Taken) -> Reply:
        """As Postmark answers."""
        number = len(self.taken)
        to = call.json["To"]
        return Reply(body={"ErrorCode": 0, "Message": "OK", "MessageID": f"pm-{number}", "To": to})
