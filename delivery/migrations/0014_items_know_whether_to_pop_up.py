from django.db import migrations, models


class Migration(migrations.Migration):
    """The default is the database's, so no row is rewritten."""

    dependencies = [("delivery", "0013_kind_of_address")]
    operations = [
        migrations.AddField(
            model_name="inboxitem",
            name="silent",
            field=models.BooleanField(default=False, db_default=False),
        ),
    ]
