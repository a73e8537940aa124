"""The admin: its look, its sidebar, and what its pages may load."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

from notifysite.settings.base import MIDDLEWARE

MIDDLEWARE.insert(2, "notifysite.plumbing.content_policy.ContentPolicyMiddleware")

# Unfold's menus are Alpine expressions in attributes and it sets styles inline: that takes
# 'unsafe-eval' and inline styles, but no inline script and nothing from elsewhere. Pages that show
# a message put it in a frame of our own, which brings a much stricter policy.
CONTENT_POLICIES: dict[str, str] = {
    "/admin/": (
        "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; frame-src 'self'; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
}


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def _item(title: str, icon: str, table: str) -> dict[str, Any]:
    """A link to a table for those who may see it."""
    app, model = table.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
        "permission": _may(f"{app}.view_{model}"),
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "notifysite",
    "SITE_HEADER": "notifysite",
    "SITE_SYMBOL": "notifications",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("notifysite/icon.svg"),
        }
    ],
    "SHOW_BACK_BUTTON": True,
    "DASHBOARD_CALLBACK": "notifications.admin.dashboard.dashboard",
    "STYLES": [lambda request: static("notifysite/admin.css")],
    "SCRIPTS": [lambda request: static("notifysite/admin.js")],
    "SIDEBAR": {
        "navigation": [
            {
                "title": "Overview",
                "items": [
                    {"title": "Today", "icon": "monitoring", "link": reverse_lazy("admin:index")}
                ],
            },
            {
                "title": "Content",
                "items": [
                    _item("Types", "campaign", "notifications.notificationtype"),
                    _item("Templates", "edit_note", "notifications.template"),
                    _item("Layouts", "web", "notifications.layout"),
                    _item("Categories", "category", "preferences.category"),
                    _item("Topics", "sell", "preferences.topic"),
                ],
            },
            {
                "title": "People",
                "items": [
                    _item("People", "group", "preferences.recipient"),
                    _item("Suppressions", "block", "delivery.suppression"),
                ],
            },
            {
                "title": "Delivery",
                "items": [
                    _item("Notifications", "mail", "notifications.notification"),
                    _item("Audiences", "groups", "notifications.audience"),
                    _item("Dead letters", "mark_email_unread", "delivery.delivery"),
                    _item("Outbox", "outbox", "delivery.outboxmessage"),
                    _item("Providers", "health_metrics", "delivery.breaker"),
                    _item("Routes", "alt_route", "delivery.route"),
                    _item("Prices", "payments", "delivery.messageprice"),
                ],
            },
            {
                "title": "Operations",
                "items": [
                    _item("Processes", "ecg_heart", "delivery.heartbeat"),
                    _item("Schedules", "schedule", "django_celery_beat.periodictask"),
                    _item("Audit trail", "policy", "delivery.auditentry"),
                ],
            },
            {
                "title": "Access",
                "items": [
                    _item("Services and keys", "key", "notifications.service"),
                    _item("Callbacks", "webhook", "notifications.callbackendpoint"),
                    _item("Attachments", "attach_file", "notifications.attachment"),
                    _item("Staff", "badge", "auth.user"),
                    _item("Groups", "groups", "auth.group"),
                ],
            },
        ],
    },
}
