"""The catalogue of problems: stable codes with their status, title and advice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What is the same for every problem with one code; `retry_after` is in seconds."""

    status: int
    title: str
    advice: str
    retry_after: int | None = None


PROBLEMS: dict[str, ProblemKind] = {
    "bad_request": ProblemKind(
        400, "Bad request", "Correct the request and send it again; the API docs show its form."
    ),
    "malformed_json": ProblemKind(
        400, "Malformed JSON", "Send one JSON document in UTF-8 without a byte order mark."
    ),
    "duplicate_key": ProblemKind(
        400, "Duplicate key", "Name every key of a JSON object only once and send the body again."
    ),
    "too_deep": ProblemKind(
        400, "JSON nested too deeply", "Flatten the body to at most 20 levels of objects and lists."
    ),
    "not_finite": ProblemKind(
        400,
        "Number out of range",
        "Send finite numbers only; put very large or very precise ones in strings.",
    ),
    "bad_character": ProblemKind(
        400,
        "Character not allowed",
        "Remove NUL characters and unpaired surrogates from every key and string.",
    ),
    "bad_idempotency_key": ProblemKind(
        400,
        "Bad Idempotency-Key",
        "Send one Idempotency-Key header of 1 to 255 printable ASCII characters.",
    ),
    "not_authenticated": ProblemKind(
        401, "Not authenticated", "Send a valid API key as `Authorization: Bearer <key>`."
    ),
    "key_revoked": ProblemKind(
        401, "API key revoked", "Use another key of this service, or ask for a new one."
    ),
    "key_expired": ProblemKind(
        401, "API key expired", "Use another key of this service, or ask for a new one."
    ),
    "permission_denied": ProblemKind(
        403, "Not permitted", "Ask an administrator for access, or use other credentials."
    ),
    "key_mode": ProblemKind(
        403, "Wrong mode of API key", "Repeat the call with a key of the mode that the call needs."
    ),
    "scope_missing": ProblemKind(
        403, "Scope missing", "Ask an administrator to add the scope to this key."
    ),
    "not_found": ProblemKind(
        404, "Not found", "Check the address and the id; a key sees only what its service owns."
    ),
    "method_not_allowed": ProblemKind(
        405, "Method not allowed", "Use one of the methods that the Allow header names."
    ),
    "not_acceptable": ProblemKind(
        406, "Not acceptable", "Send `Accept: application/json`, or no Accept header."
    ),
    "idempotency_in_flight": ProblemKind(
        409,
        "First request still running",
        "Wait as long as Retry-After says and repeat the request with the same key.",
        retry_after=1,
    ),
    "not_cancellable": ProblemKind(
        409, "Not cancellable", "Nothing is left to cancel; read the timeline to see what was sent."
    ),
    "audience_expanding": ProblemKind(
        409,
        "Audience not complete yet",
        "Cancel the whole audience, or wait until all of its notifications are made.",
        retry_after=5,
    ),
    "not_replayable": ProblemKind(
        409,
        "Not replayable",
        "Only dead and uncertain deliveries can be sent again, while the message is still worth "
        "sending and its address may be used.",
    ),
    "too_many_callbacks": ProblemKind(
        409, "Too many callback endpoints", "Delete one that is not used, or change its URL."
    ),
    "too_many_keys": ProblemKind(
        409, "Too many live keys", "Revoke a key of this service, or wait until one expires."
    ),
    "already_erased": ProblemKind(
        410, "Already erased", "Nothing is kept about this person; create the user anew if needed."
    ),
    "body_too_large": ProblemKind(
        413, "Body too large", "Split the request into smaller ones and send them one by one."
    ),
    "unsupported_media_type": ProblemKind(
        415, "Unsupported media type", "Send JSON with `Content-Type: application/json`."
    ),
    "validation_failed": ProblemKind(
        422, "Validation failed", "Correct the fields listed in `errors` and send the body again."
    ),
    "unknown_scope": ProblemKind(
        422, "Unknown scope", "Give the key at least one scope, and only scopes the docs list."
    ),
    "unknown_type": ProblemKind(
        422, "Unknown notification type", "Use a key listed by GET /api/v1/types."
    ),
    "unknown_topic": ProblemKind(422, "Unknown topic", "Use a key listed by GET /api/v1/topics."),
    "inactive_type": ProblemKind(
        422, "Inactive notification type", "Activate the notification type, or use another one."
    ),
    "unknown_channel": ProblemKind(
        422,
        "Unknown channel",
        "Use email, sms, web_push, mobile_push, in_app, webhook or chat.",
    ),
    "channel_without_step": ProblemKind(
        422,
        "Channel without a step",
        "Name only channels the notification type has a step for, or leave `channels` out.",
    ),
    "data_invalid": ProblemKind(
        422, "Data does not fit", "Make `data` fit the data_schema of the notification type."
    ),
    "missing_variable": ProblemKind(
        422, "Template variable missing", "Add the variables listed in `errors` to `data`."
    ),
    "bad_recipient": ProblemKind(
        422,
        "Bad recipient",
        "Name each recipient by a user id, or by an object that has a user_id.",
    ),
    "too_many_recipients": ProblemKind(
        422,
        "Too many recipients",
        "Name at most 1,000 people here; a send of its own takes more, and a topic any number.",
    ),
    "duplicate_recipient": ProblemKind(
        422, "Duplicate recipient", "Name every user id only once in `to`."
    ),
    "idempotency_mismatch": ProblemKind(
        422,
        "Idempotency-Key used before",
        "Use a new Idempotency-Key for a new body; repeat the first body to get its answer.",
    ),
    "audience_unavailable": ProblemKind(
        422,
        "Audience unavailable",
        "Send to a topic, or to user ids; segments cannot be sent to yet.",
    ),
    "priority_raised": ProblemKind(
        422,
        "Priority raised",
        "Leave `priority` out, or use the one of the notification type or a lower one.",
    ),
    "unknown_attachment": ProblemKind(
        422,
        "Unknown attachment",
        "Upload the file by POST /api/v1/attachments, and name it by the id of the answer.",
    ),
    "attachment_of_another": ProblemKind(
        422,
        "Attachment of another person",
        "Send the file to the person it was uploaded for, or upload it without a `user_id`.",
    ),
    "attachments_too_large": ProblemKind(
        422, "Attachments too large", "Send fewer files, or links to them."
    ),
    "forbidden_file_type": ProblemKind(
        422,
        "File type forbidden",
        "Send a link to the file, or another kind of file: no mailbox takes this one.",
    ),
    "expired_already": ProblemKind(
        422,
        "Expired already",
        "Set `expires_at` to a time in the future and after `send_at`.",
    ),
    "rate_limited": ProblemKind(
        429, "Too many requests", "Wait as long as Retry-After says, then repeat the request."
    ),
    "internal_error": ProblemKind(
        500,
        "Internal error",
        "Repeat the request with the same Idempotency-Key; if it fails again, tell the operator.",
    ),
    "commit_unknown": ProblemKind(
        503,
        "Outcome unknown",
        "The request may have been accepted; repeat it with the same Idempotency-Key to find out.",
        retry_after=1,
    ),
    "database_unavailable": ProblemKind(
        503,
        "Database unavailable",
        "Repeat the request with the same Idempotency-Key after the time Retry-After names.",
        retry_after=1,
    ),
}
