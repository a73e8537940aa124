"""The page that the `type` of every problem points at."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from notifysite.plumbing.problem_kinds import PROBLEMS


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """Every code with its status, title and advice."""
    in_order = sorted(PROBLEMS.items(), key=lambda item: (item[1].status, item[0]))
    return render(request, "notifications/problem_kinds.html", {"problems": in_order})
