"""Types of notifications with their steps: what can be said, to whom it matters, and how."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import F
from django.http import HttpRequest
from django.urls import URLPattern
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget

from delivery import channels
from notifications.admin import matrix
from notifications.admin.editor import Editor
from notifications.admin.samples import check_sample, refuse
from notifications.admin.words import IndentedJSON
from notifications.audiences import conditions
from notifications.catalog import tracking
from notifications.models import Condition, NotificationType, Step
from notifications.rendering import schema
from notifications.rendering.sensitive import has_sensitive
from notifications.words import Priority
from notifysite.plumbing.desk import DeskAdmin, column

BATCH_FIELDS = {"key", "window", "max"}
MOST_STEPS = 99
FAR = 10_000  # where positions wait while they are rearranged


def json_field(rows: int, *, label: str = "", help_text: str = "") -> forms.JSONField:
    """A JSON column to be written by hand: indented, and empty where there is nothing."""
    return forms.JSONField(
        required=False,
        encoder=IndentedJSON,
        label=label or None,
        help_text=help_text,
        widget=JSONText(attrs={"rows": rows, "class": "desk-mono"}),
    )


class JSONText(UnfoldAdminTextareaWidget):  # type: ignore[misc] # unfold has no types
    """Shows nothing for null."""

    def format_value(self, value: Any) -> Any:
        """`null` is how a form says that there is no value."""
        return "" if value == "null" else super().format_value(value)


class StepForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """A step's expression is checked like any other condition."""

    expression = json_field(3)

    def clean_expression(self) -> Any:
        """Raise with the pointer of the part that is wrong."""
        expression = self.cleaned_data["expression"]
        if expression in (None, {}):
            return None
        try:
            conditions.check(expression)
        except conditions.ConditionInvalid as error:
            raise ValidationError(f"{error.pointer or '/'}: {error.detail}") from error
        return expression

    def clean_position(self) -> int:
        """A place in the order."""
        position: int = self.cleaned_data["position"]
        if not 1 <= position <= MOST_STEPS:
            raise ValidationError(f"Number the steps from 1 to {MOST_STEPS}.")
        return position

    def clean(self) -> dict[str, Any]:
        """An expression is there exactly when it is asked for."""
        said = super().clean() or self.cleaned_data
        asked = said.get("condition") == Condition.EXPRESSION
        if asked and said.get("expression") is None and "expression" not in self.errors:
            self.add_error("expression", "Write the expression that must hold.")
        if not asked:
            said["expression"] = None
        return said

    def _get_validation_exclusions(self) -> set[str]:
        # Two steps may swap places: what counts is the whole list, which the formset checks.
        return {*super()._get_validation_exclusions(), "position"}  # type: ignore[misc]


class StepFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg] # not generic at run time
    """All steps of a type."""

    def clean(self) -> None:
        """Each place in the order is taken once."""
        super().clean()
        taken = [
            form.cleaned_data["position"]
            for form in self.forms
            if form.is_valid() and form.cleaned_data.get("position") and not self._leaves(form)
        ]
        if len(set(taken)) < len(taken):
            raise ValidationError("Two steps have the same place in the order.")

    def _leaves(self, form: Any) -> bool:
        return bool(self.can_delete and form.cleaned_data.get("DELETE"))

    def save(self, commit: bool = True) -> Any:
        """Make room first, so that steps can swap places."""
        steps = Step.objects.filter(type=self.instance)
        steps.update(position=F("position") + FAR)
        found = super().save(commit)
        steps.filter(position__gte=FAR).update(position=F("position") - FAR)
        return found


class StepInline(TabularInline):  # type: ignore[misc] # unfold has no types
    """A channel, how long to wait before it, and on what condition."""

    model = Step
    form = StepForm
    formset = StepFormSet
    extra = 0
    hide_title = True
    fields = ("position", "channel", "wait_seconds", "condition", "expression")
    verbose_name = "step"


class TypeForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """The schema must be one, and the sample must satisfy it."""

    data_schema = json_field(
        12, help_text="JSON Schema (2020-12) of the data; mark secrets with x-sensitive: true."
    )
    sample_data = json_field(8, help_text="What previews show; it must satisfy the schema.")
    batch = json_field(
        3, help_text='To put many into one: {"key": "data.post", "window": 600, "max": 20}.'
    )
    ttl_seconds = forms.IntegerField(
        required=False,
        min_value=1,
        label="Time to live",
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Seconds after which the message is worthless and is not sent.",
    )

    class Meta:
        help_texts = {
            "tracking": "Record opens of its mail and clicks in it. Not for secrets or security."
        }

    def clean_data_schema(self) -> Any:
        """Raise with the pointers of what is wrong."""
        said = self.cleaned_data["data_schema"] or {}
        refuse(schema.check_schema(said))
        return said

    def clean_batch(self) -> Any:
        """{key, window, max} or nothing."""
        said = self.cleaned_data["batch"]
        if said in (None, {}):
            return None
        if not isinstance(said, dict) or set(said) != BATCH_FIELDS:
            raise ValidationError('Write {"key": "…", "window": seconds, "max": number}.')
        if not isinstance(said["key"], str) or not all(
            isinstance(said[name], int) and said[name] > 0 for name in ("window", "max")
        ):
            raise ValidationError("The key is text; window (seconds) and max are whole numbers.")
        return said

    def clean(self) -> dict[str, Any]:
        """Check the sample against the schema that goes with it, and whether it may be tracked."""
        said = super().clean() or self.cleaned_data
        if said.get("tracking") and {"category", "uncertain", "data_schema"} <= said.keys():
            wrong = tracking.objection(
                kind=said["category"].kind,
                uncertain=said["uncertain"],
                sensitive=has_sensitive(said["data_schema"]),
            )
            if wrong:
                self.add_error("tracking", wrong)
        if "data_schema" in said and "sample_data" in said:
            said["sample_data"] = said["sample_data"] or {}
            try:
                check_sample(said["sample_data"], said["data_schema"])
            except ValidationError as error:
                self.add_error("sample_data", error)
        return said


@admin.register(NotificationType)
class TypeAdmin(DeskAdmin):
    """One thing that can be said, with its steps, its data and its policies."""

    form = TypeForm
    inlines = (StepInline,)
    list_display = ("name", "key", "category", "priority_label", "way", "active")
    list_filter = ("active", "category")
    list_select_related = ("category",)
    search_fields = ("key", "name")
    change_form_outer_before_template = "notifications/matrix.html"
    fieldsets = (
        (None, {"fields": ("key", "name", "description", "category", "active")}),
        ("Urgency", {"fields": ("priority", "ttl_seconds", "email_interrupts")}),
        ("Data", {"fields": ("data_schema", "sample_data")}),
        ("Policies", {"fields": ("uncertain", "over_cap", "tracking", "batch")}),
    )

    @column(
        description="Priority",
        ordering="priority",
        label={"Critical": "danger", "High": "warning", "Normal": "info", "Low": ""},
    )
    def priority_label(self, row: NotificationType) -> str:
        """The priority in a word."""
        return Priority(row.priority).name.capitalize()

    @column(description="Steps")
    def way(self, row: NotificationType) -> str:
        """Its channels in order."""
        labels = dict(channels.step_choices())
        return " → ".join(labels[step.channel] for step in row.steps.all()) or "none"

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the steps of every row in one query."""
        return super().get_queryset(request).prefetch_related("steps")

    def get_readonly_fields(
        self, request: HttpRequest, obj: NotificationType | None = None
    ) -> list[str]:
        """The key is in callers' code."""
        return ["key"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A type is switched off, never deleted: what was sent names it."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """The editor of its words stands below the type."""
        return [*Editor(self).urls(), *super().get_urls()]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """With the matrix of what is written on which channel in which language."""
        kind = self.get_object(request, object_id) if object_id else None
        shown = {"matrix": matrix.of(kind, request)} if kind else {}
        return super().changeform_view(
            request, object_id, form_url, {**(extra_context or {}), **shown}
        )
