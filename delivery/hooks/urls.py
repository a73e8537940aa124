"""Where providers call, to be mounted under /hooks/."""

from django.urls import path

from delivery.hooks.views import hook

urlpatterns = [path("<str:alias>/", hook, name="hook")]
