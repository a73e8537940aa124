from django.db import migrations, models

import delivery.channels


class Migration(migrations.Migration):
    dependencies = [("notifications", "0008_audiences")]
    operations = [
        # Of choices the database knows nothing.
        migrations.AlterField(
            model_name="template",
            name="channel",
            field=models.SmallIntegerField(choices=delivery.channels.written_choices),
        ),
    ]
