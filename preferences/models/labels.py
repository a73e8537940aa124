"""Names of what people choose from, in their languages."""

from django.db import models


class Labelled(models.Model):
    """A name and an explanation, with translations of both."""

    name = models.CharField(max_length=120)
    description = models.CharField(max_length=300, default="", blank=True)
    translations = models.JSONField(
        default=dict, blank=True, help_text='{"de": {"name": "…", "description": "…"}}'
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

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
