"""The API of preferences alone, mounted as it is in the product."""

from django.urls import include, path

urlpatterns = [path("api/v1/", include("preferences.urls"))]
