"""Addresses of people's pages about what they want, to be mounted at `/`."""

from django.urls import path

from preferences.pages import centre, unsubscribe, yours
from preferences.pages.doors import Page

app_name = "people"
_YOURS: dict[str, Page] = {
    "yours/": yours.yours,
    "yours/export/": yours.export,
    "yours/erase/": yours.erase,
    "yours/devices/<int:device>/remove/": yours.remove,
}
urlpatterns = [
    path("preferences/", centre.by_login, name="centre"),
    *(path(f"preferences/{tail}", yours.session(view)) for tail, view in _YOURS.items()),
    path("preferences/<str:token>/", centre.by_link, name="centre-by-link"),
    *(path(f"preferences/<str:token>/{tail}", yours.link(view)) for tail, view in _YOURS.items()),
    path("u/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
]
