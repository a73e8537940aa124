"""What every table has on the admin's desk: quiet lists, an audited pen, pages of its own."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import ChangeList

from notifysite.plumbing import audit

PAGE = 25

Method = TypeVar("Method", bound=Callable[..., Any])


def actor(request: HttpRequest) -> str:
    """Who acts, as the audit trail names them."""
    return f"admin:{request.user.pk}"


def column(
    *,
    description: str,
    ordering: str | None = None,
    label: Mapping[str, str] | None = None,
) -> Callable[[Method], Method]:
    """A method of an admin as a column of its list; `label` gives a colour to each of its words."""
    mark: Callable[[Method], Method] = display(
        description=description, ordering=ordering, label=None if label is None else dict(label)
    )
    return mark


class Uncounted(Paginator):  # type: ignore[type-arg]
    """Pages of a table too large to count: there may always be a next one."""

    template_name = "unfold/helpers/pagination_infinite.html"

    @cached_property
    def count(self) -> int:
        """More than anybody turns over."""
        return 10**9


class PreparedList(ChangeList):  # type: ignore[misc] # unfold has no types
    """A page of rows for which the admin has loaded what else they show."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, then what belongs to its rows, in as many queries for 1 as for 25."""
        super().get_results(request)
        self.full_result_count = self.result_count  # so that no header speaks of counts
        rows: list[Any] = list(self.result_list)  # type: ignore[has-type]
        self.result_list = rows
        self.model_admin.prepare(rows)


class DeskAdmin(ModelAdmin):  # type: ignore[misc] # unfold has no types
    """A table on the desk. What is written by hand here is in the audit trail too."""

    list_per_page = PAGE
    list_max_show_all = PAGE
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # a count for each choice of each filter
    warn_unsaved_form = True

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type:
        """The list that prepares its rows."""
        return PreparedList

    def prepare(self, rows: list[Any]) -> None:
        """Load what a page of rows shows beside its own columns."""

    def found(self, request: HttpRequest, object_id: str) -> Any:
        """A row, for whoever may look at it. Raises PermissionDenied or Http404."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row

    def page(
        self, request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
    ) -> TemplateResponse:
        """A page of our own, in the frame of the admin."""
        request.current_app = self.admin_site.name
        common = {**self.admin_site.each_context(request), "opts": self.model._meta}
        return TemplateResponse(
            request, template, {**common, "title": title, **context}, status=status
        )

    def route(self, pattern: str, view: Callable[..., Any], name: str) -> URLPattern:
        """An address below this table's, for staff only: `admin:<app>_<model>_<name>`."""
        meta = self.model._meta
        full = f"{meta.app_label}_{meta.model_name}_{name}"
        address: URLPattern = path(pattern, self.admin_site.admin_view(view), name=full)
        return address

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Record it in both trails."""
        self._audit(request, obj, "added", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Record it in both trails."""
        self._audit(request, obj, "changed", message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Record it in both trails."""
        for obj in queryset:
            self._audit(request, obj, "deleted", [])
        return super().log_deletions(request, queryset)

    def _audit(self, request: HttpRequest, obj: Any, deed: str, message: Any) -> None:
        name = obj._meta.model_name
        audit.record(
            actor=actor(request),
            action=f"{name}.{deed}",
            target=f"{name}:{obj.pk}",
            detail={"fields": sorted(_fields(message))},
        )


class ReadOnlyAdmin(DeskAdmin):
    """A table that only the product writes."""

    actions: tuple[str, ...] | None = None
    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes rows by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes rows by hand."""
        return False


def _fields(message: Any) -> Iterable[str]:
    """The names of what was changed, from Django's change message; never its values."""
    entries = json.loads(message) if isinstance(message, str) and message[:1] == "[" else message
    for entry in entries if isinstance(entries, list) else ():
        for deed in entry.values():
            yield from deed.get("fields", ())
