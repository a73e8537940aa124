"""A page of the desk that takes in a CSV file, and says what came of every line."""

import base64
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.text import slugify
from unfold.widgets import UnfoldAdminFileFieldWidget

from notifysite.plumbing.desk import DeskAdmin
from notifysite.plumbing.imports import Outcome
from notifysite.plumbing.sheets import File, NotASheet

MOST_MEGABYTES = 2  # some 60,000 addresses: seconds, on a busy machine half a minute
SHOWN = 50


class FileForm(forms.Form):
    """A file that is small enough to wait for."""

    file = forms.FileField(widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}))

    def clean_file(self) -> Any:
        """What is larger would keep a browser waiting."""
        file = self.cleaned_data["file"]
        if file.size > MOST_MEGABYTES * 1024 * 1024:
            raise forms.ValidationError(f"At most {MOST_MEGABYTES} MB; split the file.")
        return file


class ImportingDesk(DeskAdmin):
    """A table whose rows come from files too; `import/` is the page for that."""

    import_title: ClassVar[str]
    import_columns: ClassVar[dict[str, str]]  # what may stand in each column
    import_words: ClassVar[str] = ""

    def take(self, file: File, *, actor: str) -> Outcome:
        """Take in a file. Raises NotASheet."""
        raise NotImplementedError

    def may_import(self, request: HttpRequest) -> bool:
        """Whoever may add rows may bring many."""
        return bool(self.has_add_permission(request))

    def get_urls(self) -> list[URLPattern]:
        """The page, beside the others."""
        return [self.route("import/", self.import_view, "import"), *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a file, or say what came of it."""
        if not self.may_import(request):
            raise PermissionDenied
        form = FileForm(request.POST or None, request.FILES or None)
        if request.method != "POST" or not form.is_valid():
            return self._form_page(request, form)
        try:
            outcome = self.take(form.cleaned_data["file"], actor=f"admin:{request.user.pk}")
        except NotASheet as error:
            form.add_error("file", str(error))
            return self._form_page(request, form)
        return self._outcome_page(request, outcome)

    def _form_page(self, request: HttpRequest, form: FileForm) -> HttpResponse:
        return self.page(
            request,
            "admin/import.html",
            title=self.import_title,
            status=422 if form.errors else 200,
            form=form,
            columns=self.import_columns,
            words=self.import_words,
        )

    def _outcome_page(self, request: HttpRequest, outcome: Outcome) -> HttpResponse:
        """The refused lines are in the page itself: nothing of the file is kept here."""
        refused = "".join(outcome.refused_csv()) if outcome.refused else ""
        encoded = base64.b64encode(refused.encode("utf-8-sig")).decode()
        return self.page(
            request,
            "admin/imported.html",
            title=self.import_title,
            outcome=outcome,
            shown=outcome.refused[:SHOWN],
            download=f"data:text/csv;charset=utf-8;base64,{encoded}" if refused else "",
            file_name=f"{slugify(self.import_title)}-refused.csv",
        )
