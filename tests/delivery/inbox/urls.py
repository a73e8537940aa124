"""The inbox mounted as the site mounts it, with a stream that beats fast."""

from django.urls import include, path

from delivery.inbox.stream import Stream

urlpatterns = [
    path("fast/stream", Stream.as_view(beat=0.05)),
    path("api/v1/", include("delivery.inbox.urls")),
]
