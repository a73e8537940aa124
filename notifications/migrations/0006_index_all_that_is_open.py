from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0005_types_say_when_they_changed'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('status__in', [1, 2])), fields=['lane', 'due_at'], name='notification_open'),
        ),
        migrations.RemoveIndex(
            model_name='notification',
            name='notification_due',
        ),
    ]
