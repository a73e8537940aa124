"""Addresses for load balancers and monitoring."""

from django.urls import path

from notifications.monitoring import views

urlpatterns = [
    path("healthz", views.live, name="healthz"),
    path("readyz", views.ready, name="readyz"),
    path("metrics", views.scrape, name="metrics"),
]
