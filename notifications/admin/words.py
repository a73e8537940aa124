"""The form in which a template is written: the fields its channel has, and sample data."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from delivery.channels import EMAIL, GENERAL, ChannelSpec
from notifications.models import Layout
from notifications.rendering import limits

_LABELS = {
    "subject": ("Subject", "One line. The first thing people read."),
    "preheader": ("Preheader", "The line mail programs show after the subject."),
    "title": ("Title", "One line."),
    "body": ("Body", "Liquid: {{ data.name }}, {% if data.x %}…{% endif %}."),
    "text": ("Text", "Without HTML."),
    "url": ("Link", "Where a tap leads: http://, https://, or / for your site."),
    "image": ("Image", "An http:// or https:// address, or / for your site."),
    "icon": ("Icon", "An http:// or https:// address, or / for your site."),
}
_EMAIL_HELP = {
    "body": "HTML or MJML, with Liquid: {{ data.name }}.",
    "text": "Leave empty: it is made from the body.",
}
_GENERAL_HELP = {
    "title": "One line; a mail's subject.",
    "body": "Plain text with Liquid: {{ data.name }}. A mail makes paragraphs of it.",
    "url": "Where a tap leads: http://, https://, or / for your site. Mails and SMS write it out.",
}
_HELP = {EMAIL.key: _EMAIL_HELP, GENERAL.key: _GENERAL_HELP}
_LONG = {"body": 4, "text": 6}
_EMAIL_BODY = 18


class IndentedJSON(json.JSONEncoder):
    """As people read it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2, "ensure_ascii": False})


class WordsForm(forms.Form):
    """What an editor writes. Any text is taken: what is wrong with it is told, not refused."""

    note = forms.CharField(
        label="What is new",
        max_length=300,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="For other editors: shown in the list of versions.",
    )
    base = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, channel: ChannelSpec, initial: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=initial)
        self.channel = channel
        for name in channel.fields:
            if name == "actions":
                self._add_actions()
            else:
                self.fields[name] = _text(name, channel)
        if channel in (EMAIL, GENERAL):
            self.fields["layout"] = forms.ModelChoiceField(
                Layout.objects.all(),
                required=False,
                empty_label="Built in",
                widget=UnfoldAdminSelectWidget,
                help_text="The frame around a mail's body.",
            )
        self.fields["sample_data"] = forms.JSONField(
            required=False,
            encoder=IndentedJSON,
            widget=UnfoldAdminTextareaWidget(attrs={"rows": 10, "class": "desk-mono"}),
            help_text="JSON. Saved with the type; every template of it is previewed with this.",
        )
        self.order_fields(["subject", "title", "preheader", "layout", "body", "text"])

    def _add_actions(self) -> None:
        for index in range(self._most_actions()):
            for part in ("label", "url"):
                self.fields[f"action_{index}_{part}"] = forms.CharField(
                    label=f"Button {index + 1}, {part}",
                    required=False,
                    strip=False,
                    widget=UnfoldAdminTextInputWidget,
                )

    def source(self) -> dict[str, Any]:
        """The template's source, of what was typed; empty fields are left out."""
        said = {
            name: self._typed(name)
            for name in self.channel.fields
            if name != "actions" and self._typed(name)
        }
        actions = [self._action(index) for index in range(self._most_actions())]
        given = [action for action in actions if any(action.values())]
        return {**said, "actions": given} if given else said

    def _typed(self, name: str) -> str:
        value: str = self.cleaned_data.get(name) or ""
        return value.replace("\r\n", "\n")

    def _most_actions(self) -> int:
        return limits.GENERAL_ACTIONS if self.channel == GENERAL else limits.ACTIONS

    def _action(self, index: int) -> dict[str, str]:
        if "actions" not in self.channel.fields:
            return {}
        return {part: self._typed(f"action_{index}_{part}") for part in ("label", "url")}


def _text(name: str, channel: ChannelSpec) -> forms.CharField:
    label, about = _LABELS.get(name, (name.capitalize(), ""))
    about = _HELP.get(channel.key, {}).get(name, about)
    rows = _EMAIL_BODY if (channel.key, name) == ("email", "body") else _LONG.get(name)
    attrs = {"class": "desk-mono", "spellcheck": "true"}
    widget = (
        UnfoldAdminTextareaWidget(attrs={**attrs, "rows": rows})
        if rows
        else UnfoldAdminTextInputWidget(attrs=attrs)
    )
    return forms.CharField(label=label, help_text=about, required=False, strip=False, widget=widget)


def written(source: Mapping[str, Any]) -> dict[str, Any]:
    """A source as the form's initial values."""
    said = {name: text for name, text in source.items() if name != "actions"}
    for index, action in enumerate(source.get("actions", ())):
        for part, text in action.items():
            said[f"action_{index}_{part}"] = text
    return said


def fingerprint(source: Mapping[str, Any]) -> str:
    """Which text somebody began with, so that a change by another is noticed."""
    return hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()[:16]
