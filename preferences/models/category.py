"""What people choose about."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models

from delivery import channels
from preferences.models.labels import Labelled

KEY = RegexValidator(
    r"^[a-z][a-z0-9_]{0,79}$", "Use lower-case letters, digits and underscores, a letter first."
)


class CategoryKind(models.IntegerChoices):
    """Marketing is off until consent is recorded, and never rides the critical lane."""

    SECURITY = 1, "Security"
    TRANSACTIONAL = 2, "Transactional"
    MARKETING = 3, "Marketing"


class Category(Labelled):
    """A subject people recognise: Orders, Security, Newsletter."""

    key = models.CharField(max_length=80, unique=True, validators=[KEY])
    kind = models.SmallIntegerField(choices=CategoryKind, default=CategoryKind.TRANSACTIONAL)
    mandatory = models.BooleanField(
        default=False, help_text="People choose the channels; one must stay."
    )
    default_channels = ArrayField(
        models.SmallIntegerField(),
        default=list,
        blank=True,
        help_text="Channels that are on until the person says otherwise, best first.",
    )
    position = models.PositiveSmallIntegerField(default=100)

    class Meta:
        db_table = "category"
        ordering = ["position", "key"]
        verbose_name_plural = "categories"

    def clean_fields(self, exclude: object = None) -> None:
        """Only channels there are."""
        super().clean_fields(exclude=exclude)  # type: ignore[arg-type]
        channels.keys(self.default_channels)
