from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False  # the index is made beside the table's use

    dependencies = [
        ('delivery', '0008_hook_counts'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='suppression',
            index=models.Index(condition=models.Q(('expires_at__isnull', False)), fields=['expires_at'], name='suppression_ends'),
        ),
    ]
