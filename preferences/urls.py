"""The API of preferences, to be mounted at `/api/v1/`."""

from django.urls import path, re_path

from preferences.api.bulk import BulkView
from preferences.api.categories import CategoriesView, CategoryView
from preferences.api.devices import DevicesView, DeviceView, MyDevicesView, MyDeviceView
from preferences.api.me import MeView, MyExportView
from preferences.api.renew import RenewView
from preferences.api.topics import MyTopicsView, SubscribersView, TopicsView, TopicView
from preferences.api.users import UserExportView, UserTokenView, UserView
from preferences.api.wishes import MyPreferencesView, PreferencesView

app_name = "preferences"
urlpatterns = [
    path("users/bulk", BulkView.as_view(), {"user_id": "bulk"}),
    path("users/<str:user_id>", UserView.as_view(), name="user"),
    path("users/<str:user_id>/export", UserExportView.as_view()),
    path("users/<str:user_id>/token", UserTokenView.as_view()),
    path("users/<str:user_id>/preferences", PreferencesView.as_view()),
    path("users/<str:user_id>/devices", DevicesView.as_view()),
    path("users/<str:user_id>/devices/<int:device_id>", DeviceView.as_view()),
    re_path(r"^me/?$", MeView.as_view()),
    path("me/preferences", MyPreferencesView.as_view()),
    path("me/devices", MyDevicesView.as_view()),
    path("me/devices/<int:device_id>", MyDeviceView.as_view()),
    path("me/topics", MyTopicsView.as_view()),
    path("push/renew", RenewView.as_view()),
    path("me/export", MyExportView.as_view()),
    path("categories", CategoriesView.as_view()),
    path("categories/<slug:key>", CategoryView.as_view()),
    path("topics", TopicsView.as_view()),
    path("topics/<slug:key>", TopicView.as_view()),
    path("topics/<slug:key>/subscribers", SubscribersView.as_view()),
]
