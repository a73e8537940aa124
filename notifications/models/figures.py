"""Roll-ups: what reports and /metrics read instead of the big tables."""

from django.db import models


class Figure(models.Model):
    """A total of one day. `labels` is canonical JSON, so that equal labels are one row."""

    day = models.DateField()
    metric = models.CharField(max_length=40)
    labels = models.CharField(max_length=300)
    value = models.FloatField(default=0)

    class Meta:
        db_table = "figure"
        constraints = [
            models.UniqueConstraint(name="figure_once", fields=["day", "metric", "labels"])
        ]


class FigureDelta(models.Model):
    """What a batch adds to the figures; folded into them each minute."""

    day = models.DateField()
    metric = models.CharField(max_length=40)
    labels = models.CharField(max_length=300)
    value = models.FloatField()

    class Meta:
        db_table = "figure_delta"
