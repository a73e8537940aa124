"""Every address of the site, mounted in one place."""

from django.contrib import admin
from django.urls import path

from notifications.api.send import NotificationsView, SendView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/notifications", NotificationsView.as_view()),
    path("api/v1/notifications/send", SendView.as_view()),
]
