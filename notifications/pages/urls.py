"""Addresses of the site's pages, to be mounted at `/` before those of preferences."""

from django.urls import path

from notifications.pages import demo, history, home, link, message

app_name = "pages"
urlpatterns = [
    path("", home.home, name="home"),
    path("favicon.ico", home.icon, name="icon"),
    path("preferences/link/", link.ask, name="link"),
    path("why/<str:token>/", message.why, name="why"),
    path("view/<str:token>/", message.view, name="view"),
    path("view/<str:token>/frame/", message.frame, name="frame"),
    path("inbox/", history.by_login, name="history"),
    path("inbox/<str:token>/", history.by_link, name="history-by-link"),
    path("demo/", demo.shop, name="demo"),
    path("demo/token/", demo.token, name="demo-token"),
    path("demo/send/", demo.send, name="demo-send"),
    path("demo/language/", demo.language, name="demo-language"),
]
