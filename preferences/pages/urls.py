"""Addresses of people's pages about what they want, to be mounted at `/`."""

from django.urls import path

from preferences.pages import centre, unsubscribe

app_name = "people"
urlpatterns = [
    path("preferences/", centre.by_login, name="centre"),
    path("preferences/<str:token>/", centre.by_link, name="centre-by-link"),
    path("u/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
]
