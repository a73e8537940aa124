"""Addresses of the inbox, to be mounted under /api/v1/."""

from django.urls import path

from delivery.inbox.api import ActionDone, Counts, ItemList, MarkItems, OneItem, SnoozeItems
from delivery.inbox.items import Mark
from delivery.inbox.stream import Stream

urlpatterns = [
    path("inbox", ItemList.as_view(), name="inbox-list"),
    path("inbox/counts", Counts.as_view(), name="inbox-counts"),
    path("inbox/stream", Stream.as_view(), name="inbox-stream"),
    path("inbox/<uuid:id>", OneItem.as_view(), name="inbox-item"),
    path("inbox/<uuid:id>/actions/<int:index>/done", ActionDone.as_view(), name="inbox-action"),
    path("inbox/snooze", SnoozeItems.as_view(), name="inbox-snooze"),
    *(
        path(f"inbox/{mark}", MarkItems.as_view(change=mark), name=f"inbox-{mark}")
        for mark in Mark
        if mark is not Mark.SNOOZE
    ),
]
