from django.db import migrations, models


class Migration(migrations.Migration):
    """A nullable column without a default: the rows there are stay as they are."""

    dependencies = [
        ("delivery", "0012_find_snoozed_items"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="address_kind",
            field=models.SmallIntegerField(null=True),
        ),
    ]
