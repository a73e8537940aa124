"""Every address of the site, mounted in one place."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from delivery.browser import PushKeyView, service_worker
from notifications.api import docs
from notifysite.plumbing import problems

urlpatterns = [
    path("api/v1/", include("notifications.api.urls")),  # first: asked most
    path("", include("notifications.monitoring.urls")),
    path("", include("notifications.pages.urls")),
    path("", include("preferences.pages.urls")),
    path("t/", include("delivery.tracking.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("preferences.urls")),
    path("api/v1/", include("delivery.inbox.urls")),
    path("hooks/", include("delivery.hooks.urls")),
    path("api/v1/push/key", PushKeyView.as_view()),
    path("api/v1/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("api/docs/problems", docs.problems, name="problems"),
    path("sw.js", service_worker),
]

handler400 = problems.bad_request
handler403 = problems.permission_denied
handler404 = problems.not_found
handler500 = problems.server_error
