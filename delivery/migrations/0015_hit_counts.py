import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0014_items_know_whether_to_pop_up")]
    operations = [
        migrations.CreateModel(
            name="HitCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("verdict", models.CharField(max_length=20)),
                ("hits", models.BigIntegerField()),
                (
                    "last_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
            ],
            options={
                "db_table": "delivery_hit_count",
                "constraints": [
                    models.UniqueConstraint(fields=["verdict"], name="hit_count_once")
                ],
            },
        ),
    ]
