"""Addresses of what services call, to be mounted under /api/v1/."""

from django.urls import path

from notifications.api import (
    act,
    attachments,
    audiences,
    bulk,
    callbacks,
    catalog,
    providers,
    read,
    send,
    suppressions,
)

urlpatterns = [
    path("notifications", read.NotificationList.as_view(), name="notifications"),
    path("notifications/send", send.SendView.as_view(), name="notifications-send"),
    path("notifications/bulk", bulk.BulkView.as_view(), name="notifications-bulk"),
    path("notifications/cancel", act.CancelByKey.as_view(), name="notifications-cancel"),
    path("notifications/<uuid:id>", read.NotificationDetail.as_view(), name="notification"),
    path("notifications/<uuid:id>/timeline", read.Timeline.as_view(), name="timeline"),
    path("notifications/<uuid:id>/cancel", act.CancelOne.as_view(), name="notification-cancel"),
    path("audiences/<uuid:request_id>", audiences.AudienceDetail.as_view(), name="audience"),
    path(
        "audiences/<uuid:request_id>/cancel",
        audiences.AudienceCancel.as_view(),
        name="audience-cancel",
    ),
    path("attachments", attachments.AttachmentList.as_view(), name="attachments"),
    path("attachments/<uuid:id>", attachments.AttachmentDetail.as_view(), name="attachment"),
    path("explain", act.Explain.as_view(), name="explain"),
    path("deliveries/replay", act.ReplayMany.as_view(), name="deliveries-replay"),
    path("deliveries/<uuid:id>/replay", act.ReplayOne.as_view(), name="delivery-replay"),
    path("callbacks", callbacks.CallbackList.as_view(), name="callbacks"),
    path("callbacks/<str:id>", callbacks.CallbackDetail.as_view(), name="callback"),
    path("callbacks/<str:id>/rotate", callbacks.CallbackRotate.as_view(), name="callback-rotate"),
    path("callbacks/<str:id>/test", callbacks.CallbackTest.as_view(), name="callback-test"),
    path("types", catalog.TypeList.as_view(), name="types"),
    path("types/<str:key>", catalog.TypeDetail.as_view(), name="type"),
    path("templates", catalog.TemplateList.as_view(), name="templates"),
    path("providers", providers.ProviderList.as_view(), name="providers"),
    path("providers/<str:alias>", providers.ProviderDetail.as_view(), name="provider"),
    path("providers/<str:alias>/drain", providers.ProviderDrain.as_view(), name="provider-drain"),
    path(
        "providers/<str:alias>/resume", providers.ProviderResume.as_view(), name="provider-resume"
    ),
    path("providers/<str:alias>/drill", providers.ProviderDrill.as_view(), name="provider-drill"),
    path("providers/<str:alias>/try", providers.ProviderTry.as_view(), name="provider-try"),
    path("routes", providers.RouteList.as_view(), name="routes"),
    path("routes/<str:channel>", providers.RouteDetail.as_view(), name="route"),
    path("suppressions", suppressions.SuppressionList.as_view(), name="suppressions"),
    path("suppressions/<int:id>", suppressions.SuppressionDetail.as_view(), name="suppression"),
]
