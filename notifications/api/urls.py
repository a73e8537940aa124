"""Addresses of what services call, to be mounted under /api/v1/."""

from django.urls import path

from notifications.api import act, catalog, operations, read, send

urlpatterns = [
    path("notifications", read.NotificationList.as_view(), name="notifications"),
    path("notifications/send", send.SendView.as_view(), name="notifications-send"),
    path("notifications/cancel", act.CancelByKey.as_view(), name="notifications-cancel"),
    path("notifications/<uuid:id>", read.NotificationDetail.as_view(), name="notification"),
    path("notifications/<uuid:id>/timeline", read.Timeline.as_view(), name="timeline"),
    path("notifications/<uuid:id>/cancel", act.CancelOne.as_view(), name="notification-cancel"),
    path("explain", act.Explain.as_view(), name="explain"),
    path("deliveries/replay", act.ReplayMany.as_view(), name="deliveries-replay"),
    path("deliveries/<uuid:id>/replay", act.ReplayOne.as_view(), name="delivery-replay"),
    path("types", catalog.TypeList.as_view(), name="types"),
    path("types/<str:key>", catalog.TypeDetail.as_view(), name="type"),
    path("templates", catalog.TemplateList.as_view(), name="templates"),
    path("providers", operations.ProviderList.as_view(), name="providers"),
    path("routes", operations.RouteList.as_view(), name="routes"),
    path("suppressions", operations.SuppressionList.as_view(), name="suppressions"),
    path("suppressions/<int:id>", operations.SuppressionDetail.as_view(), name="suppression"),
]
