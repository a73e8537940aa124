from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0010_callbacks")]
    operations = [
        migrations.AddField(
            model_name="callback",
            name="action",
            field=models.SmallIntegerField(null=True),
        ),
    ]
