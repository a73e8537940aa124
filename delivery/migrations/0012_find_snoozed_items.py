from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # so that nobody waits while the index is built
    dependencies = [("delivery", "0011_items_keep_what_was_done")]
    operations = [
        AddIndexConcurrently(
            model_name="inboxitem",
            index=models.Index(
                name="inbox_snoozed",
                fields=["snoozed_until"],
                condition=models.Q(("snoozed_until__isnull", False)),
            ),
        ),
    ]
