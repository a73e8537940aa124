"""Other people's tables on our desk: staff and schedules look like the rest, web push is ours."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django_celery_beat import admin as beat
from django_celery_beat import models as beat_models
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from webpush.models import Group as PushGroup
from webpush.models import PushInformation, SubscriptionInfo

from notifysite.plumbing.desk import DeskAdmin

# Devices are addresses of recipients here; the package's own table sends test messages to any of
# its rows, past every wish.
for _model in (PushInformation, SubscriptionInfo, PushGroup):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)
admin.site.unregister([User, Group])


@admin.register(User)
class StaffAdmin(UserAdmin, DeskAdmin):  # type: ignore[type-arg] # not generic at run time
    """Who logs in here."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class RoleAdmin(GroupAdmin, DeskAdmin):
    """What groups of staff may do."""


admin.site.unregister(
    [
        beat_models.PeriodicTask,
        beat_models.CrontabSchedule,
        beat_models.IntervalSchedule,
        beat_models.SolarSchedule,
        beat_models.ClockedSchedule,
    ]
)


@admin.register(beat_models.PeriodicTask)
class PeriodicTaskAdmin(beat.PeriodicTaskAdmin, DeskAdmin):  # type: ignore[misc] # no types
    """What runs when."""

    warn_unsaved_form = False


@admin.register(beat_models.CrontabSchedule)
class CrontabAdmin(beat.CrontabScheduleAdmin, DeskAdmin):  # type: ignore[misc] # no types
    """By the clock."""


@admin.register(beat_models.IntervalSchedule)
class IntervalAdmin(beat.IntervalScheduleAdmin, DeskAdmin):  # type: ignore[misc] # no types
    """Every so often."""


@admin.register(beat_models.SolarSchedule)
class SolarAdmin(beat.SolarScheduleAdmin, DeskAdmin):  # type: ignore[misc] # no types
    """By the sun."""


@admin.register(beat_models.ClockedSchedule)
class ClockedAdmin(beat.ClockedScheduleAdmin, DeskAdmin):  # type: ignore[misc] # no types
    """Once."""
