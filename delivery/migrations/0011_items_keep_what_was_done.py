from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0010_message_prices")]
    operations = [
        migrations.AddField(
            model_name="inboxitem", name="done", field=models.JSONField(null=True)
        ),
    ]
