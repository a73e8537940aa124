"""What people choose about."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models

from delivery import channels

KEY = RegexValidator(
    r"^[a-z][a-z0-9_]{0,79}$", "Use lower-case letters, digits and underscores, a letter first."
)


class CategoryKind(models.IntegerChoices):
    """Marketing is off until consent is recorded, and never rides the critical lane."""

    SECURITY = 1, "Security"
    TRANSACTIONAL = 2, "Transactional"
    MARKETING = 3, "Marketing"


class Category(models.Model):
    """A subject people recognise: Orders, Security, Newsletter."""

    key = models.CharField(max_length=80, unique=True, validators=[KEY])
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, default="", blank=True)
    translations = models.JSONField(
        default=dict, blank=True, help_text='{"de": {"name": "…", "description": "…"}}'
    )
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

    def __str__(self) -> str:
        return self.name

    def clean_fields(self, exclude: object = None) -> None:
        """Only channels there are."""
        super().clean_fields(exclude=exclude)  # type: ignore[arg-type]
        channels.keys(self.default_channels)

    def label(self, locale: str) -> str:
        """The name in a person's language, if it was translated."""
        return self._translated("name", locale) or self.name

    def explanation(self, locale: str) -> str:
        """The description in a person's language, if it was translated."""
        return self._translated("description", locale) or self.description

    def _translated(self, field: str, locale: str) -> str:
        for tag in (locale, locale.partition("-")[0]):
            if text := self.translations.get(tag, {}).get(field):
                return str(text)
        return ""
