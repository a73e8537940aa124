"""What the answers of mail servers and mail services mean; the first row that matches holds."""

from dataclasses import replace
from typing import Final

from delivery.classes import HTTP, Row, Table
from delivery.lifecycle import OutcomeKind

# Words: the phase (OPEN, MAIL, RCPT, DATA, DOT), the reply code, the enhanced status code, and
# "relay" where the server speaks of relaying.
SMTP: Final = Table(
    rows=(
        Row(OutcomeKind.ACCEPTED, ("DOT 2xx",), "RFC 5321 section 4.2.5"),
        # Nothing was taken, and nothing was refused for good: 421, 450, 451, 452, 454 and others.
        Row(OutcomeKind.TRANSIENT, ("2xx", "3xx", "4xx"), "RFC 5321 section 4.2.1"),
        # What a server holds against us, not against this message.
        Row(
            OutcomeKind.ACCOUNT,
            ("530", "534", "535", "538", "5.7.8", "5.7.9", "5.7.11"),
            "RFC 4954 section 6 and RFC 3207 section 4: login or encryption is wanted, or failed",
        ),
        Row(OutcomeKind.ACCOUNT, ("5.1.7", "5.1.8"), "RFC 3463 section 3.2: the sender's mailbox"),
        Row(OutcomeKind.ACCOUNT, ("5.7.14",), "RFC 4468: no trust between us and the server"),
        Row(
            OutcomeKind.ACCOUNT,
            ("5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.24", "5.7.25", "5.7.26"),
            "RFC 7372 section 3: DKIM, SPF, reverse DNS, DMARC",
        ),
        Row(
            OutcomeKind.ACCOUNT,
            ("5.7.27", "5.7.28", "5.7.29", "5.7.30"),
            "IANA, SMTP Enhanced Status Codes: null MX of ours, mail flood, ARC, REQUIRETLS",
        ),
        Row(
            OutcomeKind.ACCOUNT,
            ("5.7.54", "5.7.64", "5.7.509", "5.7.515"),
            "Microsoft, NDR codes of Exchange Online and Outlook.com: relaying, DMARC, no login",
        ),
        Row(
            OutcomeKind.ACCOUNT,
            ("RCPT 5xx relay",),
            "No RFC: what mail servers commonly say to clients they do not relay for",
        ),
        Row(
            OutcomeKind.REFUSED_MESSAGE,
            ("552", "5.3.4"),
            "RFC 1870 section 6, RFC 3463 section 3.4: too large",
        ),
        Row(
            OutcomeKind.ACCOUNT,
            ("OPEN 5xx", "MAIL 5xx"),
            "RFC 5321 sections 3.1 and 3.3: no recipient is named yet, so it is about us",
        ),
        Row(
            OutcomeKind.REFUSED_ADDRESS,
            ("5.1.x", "5.2.1", "RCPT 556"),
            "RFC 3463 sections 3.2 and 3.3, RFC 7504 section 4",
        ),
        Row(OutcomeKind.REFUSED_MESSAGE, ("5xx",), "RFC 5321 section 4.2.1"),
    ),
    otherwise=OutcomeKind.TRANSIENT,
)

# Words: the HTTP status; what the service said of the one recipient, as anymail has it; the code
# that Amazon SES gives; `name=value` of what else a service calls a failure by; the names of the
# exception, of what caused it, and of their bases.
MAIL_API: Final = Table(
    rows=(
        Row(
            OutcomeKind.REFUSED_ADDRESS,
            ("invalid", "rejected", "AnymailRecipientsRefused"),
            "anymail: ESP send status, exceptions",
        ),
        # The person's address was read before: it is another one that cannot be.
        Row(OutcomeKind.REFUSED_MESSAGE, ("AnymailInvalidAddress",), "anymail: exceptions"),
        Row(
            OutcomeKind.REFUSED_MESSAGE,
            ("failed", "not_sent", "AnymailUnsupportedFeature", "AnymailSerializationError"),
            "anymail: ESP send status, exceptions; Django: send_messages()",
        ),
        Row(OutcomeKind.UNKNOWN, ("unknown",), "anymail: ESP send status"),
        Row(OutcomeKind.ACCEPTED, ("sent", "queued"), "anymail: ESP send status"),
        Row(OutcomeKind.ACCOUNT, ("ImproperlyConfigured",), "anymail: exceptions"),
        Row(OutcomeKind.ACCOUNT, ("TooManyRedirects",), "RFC 9110 section 15.4; none is followed"),
        Row(
            OutcomeKind.ACCOUNT,
            (
                "AccountSuspendedException",
                "SendingPausedException",
                "MailFromDomainNotVerifiedException",
            ),
            "Amazon SES API v2, SendEmail, errors: all of them come with 400",
        ),
        Row(OutcomeKind.ACCOUNT, ("NoCredentialsError", "PartialCredentialsError"), "botocore"),
        Row(OutcomeKind.TRANSIENT, ("ThrottlingException",), "AWS, common errors: with 400"),
        *HTTP.rows,
        Row(
            OutcomeKind.TRANSIENT,
            ("NewConnectionError", "ConnectTimeoutError", "SSLCertVerificationError"),
            "urllib3, ssl: the service was not reached",
        ),
    ),
    otherwise=HTTP.otherwise,
)


def _before(*rows: Row) -> Table:
    return replace(MAIL_API, rows=(*rows, *MAIL_API.rows))


POSTMARK: Final = _before(
    Row(
        OutcomeKind.ACCOUNT,
        tuple(f"ErrorCode={code}" for code in (10, 400, 401, 405, 412, 413)),
        "Postmark, API error codes: token, sender signature, credits, approval; most with 422",
    ),
)

MAILGUN: Final = _before(
    Row(OutcomeKind.ACCOUNT, ("404",), "Mailgun, Messages: no such domain in this region"),
)

RESEND: Final = _before(
    Row(
        OutcomeKind.TRANSIENT,
        ("name=concurrent_idempotent_requests",),
        "Resend, errors: with 409, the first of them is under way",
    ),
    # Under our key something was asked for, and it was not quite this.
    Row(OutcomeKind.UNKNOWN, ("name=invalid_idempotent_request",), "Resend, errors: with 409"),
    Row(
        OutcomeKind.ACCOUNT,
        (
            "name=invalid_from_address",
            "name=daily_quota_exceeded",
            "name=monthly_quota_exceeded",
            "name=restricted_api_key",
        ),
        "Resend, errors: with 401, 422 and 429",
    ),
)
