"""What editors offer people: categories to choose about, topics to subscribe to."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from unfold.widgets import CHECKBOX_CLASSES

from delivery import channels
from notifysite.plumbing.desk import DeskAdmin, column
from preferences import topics
from preferences.models import Category, Choice, Topic


class OrderedChannels(forms.CheckboxSelectMultiple):
    """Checkboxes whose order on the page is the order of the answer."""

    template_name = "preferences/ordered_channels.html"

    def optgroups(self, name: str, value: list[str], attrs: Any = None) -> Any:
        """Those that are on first, in their order."""
        ranks = {one: rank for rank, one in enumerate(value)}
        last = len(ranks)
        self.choices = sorted(self.choices, key=lambda one: ranks.get(str(one[0]), last))
        return super().optgroups(name, value, attrs)

    def _render(self, template_name: str, context: dict[str, Any], renderer: Any = None) -> Any:
        # Forms look for templates in installed apps only; this one is the project's.
        return render_to_string(template_name, context)


class LabelForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """Translations are checked."""

    def clean_translations(self) -> dict[str, Any]:
        """{locale: {name, description}}, each text."""
        said = self.cleaned_data["translations"] or {}
        if not isinstance(said, dict):
            raise forms.ValidationError('Write an object such as {"de": {"name": "Bestellungen"}}.')
        for locale, texts in said.items():
            _check_translation(locale, texts)
        return said


class CategoryForm(LabelForm):
    """Default channels are ticked and ordered."""

    default_channels = forms.TypedMultipleChoiceField(
        coerce=int,
        choices=channels.choices,
        required=False,
        widget=OrderedChannels(attrs={"class": " ".join(CHECKBOX_CLASSES)}),
        help_text="On until the person says otherwise; the first one is preferred.",
    )


def _check_translation(locale: str, texts: Any) -> None:
    if not isinstance(texts, dict) or set(texts) - {"name", "description"}:
        raise forms.ValidationError(f"/{locale}: give a name and a description, nothing else.")
    for name, text in texts.items():
        if not isinstance(text, str):
            raise forms.ValidationError(f"/{locale}/{name}: must be text.")


@admin.register(Category)
class CategoryAdmin(DeskAdmin):
    """What people choose about."""

    form = CategoryForm
    list_display = ("name", "key", "kind_label", "mandatory", "default_labels", "position")
    list_filter = ("kind",)
    search_fields = ("key", "name")
    fieldsets = (
        (None, {"fields": ("key", "name", "description", "position")}),
        ("Rules", {"fields": ("kind", "mandatory", "default_channels")}),
        ("Languages", {"fields": ("translations",)}),
    )

    @column(
        description="Kind",
        ordering="kind",
        label={"Security": "danger", "Transactional": "info", "Marketing": "warning"},
    )
    def kind_label(self, row: Category) -> str:
        """The kind in a word."""
        return row.get_kind_display()

    @column(description="Default channels")
    def default_labels(self, row: Category) -> str:
        """Their labels, best first."""
        return ", ".join(channels.by_number(one).label for one in row.default_channels) or "none"

    def get_readonly_fields(self, request: HttpRequest, obj: Category | None = None) -> list[str]:
        """The key is in callers' code and in people's links."""
        return ["key"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Category | None = None) -> bool:
        """Only what nobody has used: with it would go what people said about it."""
        if obj is None or not super().has_delete_permission(request, obj):
            return False
        return not obj.types.exists() and not Choice.objects.filter(category=obj).exists()


@admin.register(Topic)
class TopicAdmin(DeskAdmin):
    """What people subscribe to."""

    form = LabelForm
    list_display = ("name", "key", "subscribers", "created_at")
    search_fields = ("key", "name")
    fieldsets = (
        (None, {"fields": ("key", "name", "description")}),
        ("Languages", {"fields": ("translations",)}),
    )

    def prepare(self, rows: list[Any]) -> None:
        """Count the subscribers of a page in one query."""
        counts = topics.counted([row.pk for row in rows])
        for row in rows:
            row.subscribers = counts[row.pk]

    @column(description="Subscribers")
    def subscribers(self, row: Any) -> str:
        """How many, as far as it is worth counting."""
        more = row.subscribers == topics.MOST_COUNTED
        return f"{row.subscribers:,}{' or more' if more else ''}"

    def get_readonly_fields(self, request: HttpRequest, obj: Topic | None = None) -> list[str]:
        """The key is in callers' code."""
        return ["key"] if obj else []

    def get_deleted_objects(
        self, objs: Iterable[Topic], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """What goes with them, in a number: there may be a million subscribers."""
        gone = list(objs)
        lost = sum(topics.subscribers(topic.pk) for topic in gone)
        return [str(topic) for topic in gone], {"topics": len(gone), "subscribers": lost}, set(), []

    def delete_model(self, request: HttpRequest, obj: Topic) -> None:
        """Remove one; the desk has written it down."""
        topics.drop(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Remove those that are ticked."""
        with transaction.atomic():
            for topic in queryset:
                topics.drop(topic.pk)
