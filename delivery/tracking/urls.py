"""To be mounted at `/t/`."""

from django.urls import path

from delivery.tracking import views

urlpatterns = [
    path("c/<str:token>/", views.click),
    path("o/<str:token>.gif", views.opened),
]
