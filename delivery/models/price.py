"""What a message roughly costs, as somebody wrote it down."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from delivery import channels


class MessagePrice(models.Model):
    """The price of a segment of an SMS, or of a message on another channel.

    `prefix`: the beginning of numbers in E.164, empty for any; the longest that fits counts.
    `amount`: empty where nobody knows it, which is not 0.
    """

    channel = models.SmallIntegerField(choices=channels.choices)
    prefix = models.CharField(
        max_length=16,
        default="",
        blank=True,
        help_text="SMS only: the beginning of numbers, such as +49. Empty: any other.",
        validators=[
            RegexValidator(r"\A\+[1-9][0-9]{0,14}\Z", "Write + and digits, such as +49.", "prefix")
        ],
    )
    amount = models.DecimalField(
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="Per segment of an SMS, per message else. Empty: unknown, which is not 0.",
        validators=[MinValueValidator(0, "Must not be below 0.")],
    )
    currency = models.CharField(
        max_length=3,
        help_text="ISO 4217, such as EUR.",
        validators=[RegexValidator(r"\A[A-Z]{3}\Z", "Write three capitals, such as EUR.", "code")],
    )
    as_of = models.DateField(help_text="The day on which the price was looked up.")

    class Meta:
        db_table = "message_price"
        verbose_name = "price"
        constraints = [
            models.UniqueConstraint(name="message_price_once", fields=["channel", "prefix"]),
            models.CheckConstraint(
                name="message_price_not_negative", condition=models.Q(amount__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{channels.by_number(self.channel).label} {self.prefix or '(any)'}"

    def clean(self) -> None:
        """Only numbers have prefixes, and nobody has seen tomorrow's prices."""
        if self.prefix and self.channel != channels.SMS.number:
            raise ValidationError({"prefix": "Leave it empty: only SMS has numbers."})
        # By UTC it may be yesterday still where the price was looked up.
        if self.as_of and self.as_of > timezone.now().date() + timedelta(days=1):
            raise ValidationError({"as_of": "That day has not come yet."})
