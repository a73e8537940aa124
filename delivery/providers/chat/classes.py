"""What the answers to incoming webhooks mean; the first row that matches holds."""

from typing import Final

from delivery.classes import HTTP, Row, Table
from delivery.lifecycle import OutcomeKind

# Words: the service, the status, and what the body says: Slack's word for it, "ok" among them.
SLACK: Final = (
    Row(
        OutcomeKind.ACCEPTED,
        ("slack 200 ok",),
        "Slack: Sending messages using incoming webhooks",
    ),
    Row(
        OutcomeKind.REFUSED_ADDRESS,
        (
            "slack no_service",
            "slack no_service_id",
            "slack no_active_hooks",
            "slack no_team",
            "slack team_disabled",
            "slack invalid_token",
            "slack channel_not_found",
            "slack channel_is_archived",
        ),
        "Slack: Sending messages using incoming webhooks, Handling errors",
    ),
)
# Words: its JSON error code; "message" where it shows the message that it made.
DISCORD: Final = (
    Row(
        OutcomeKind.ACCEPTED,
        ("discord 204", "discord 200 message"),
        "Discord: Webhook Resource, Execute Webhook",
    ),
    Row(
        OutcomeKind.REFUSED_ADDRESS,
        ("discord 404", "discord 10015", "discord 50027"),
        "Discord: Rate Limits, Invalid Request Limit; Opcodes and Status Codes",
    ),
)
# Words: the code of a workflow's error; "deleted" where it says that the workflow is.
TEAMS: Final = (
    Row(
        OutcomeKind.ACCEPTED,
        ("teams 2xx",),
        "Microsoft: Create incoming webhooks with Workflows; Azure Logic Apps, Request trigger",
    ),
    Row(
        OutcomeKind.REFUSED_ADDRESS,
        ("teams 404", "teams 410"),
        "Microsoft: Azure Logic Apps, Request trigger",
    ),
    # One that is only switched off says the same without "deleted", and may be switched on again.
    Row(
        OutcomeKind.REFUSED_ADDRESS,
        ("teams WorkflowTriggerIsNotEnabled deleted",),
        "seen of Power Automate by many; Microsoft documents no codes",
    ),
)
CHAT: Final = Table(
    rows=(
        *SLACK,
        *DISCORD,
        *TEAMS,
        Row(OutcomeKind.TRANSIENT, ("408", "425", "429"), "as any that speaks HTTP"),
        # We have no account with them: whatever they refuse, it is this webhook or this message.
        Row(OutcomeKind.REFUSED_MESSAGE, ("4xx",), "Slack: action_prohibited; Discord: 50013"),
        # A webhook redirects nobody: somebody stands in between.
        Row(OutcomeKind.TRANSIENT, ("3xx",), "none of them knows redirects"),
        *HTTP.rows,
    ),
    otherwise=HTTP.otherwise,
)
