import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('preferences', '0002_consent_append_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='Topic',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('description', models.CharField(blank=True, default='', max_length=300)),
                ('translations', models.JSONField(blank=True, default=dict, help_text='{"de": {"name": "…", "description": "…"}}')),
                ('key', models.CharField(max_length=80, unique=True, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_]{0,79}$', 'Use lower-case letters, digits and underscores, a letter first.')])),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'topic',
                'ordering': ['key'],
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='preferences.recipient')),
                ('topic', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='preferences.topic')),
            ],
            options={
                'db_table': 'topic_subscription',
                'constraints': [models.UniqueConstraint(fields=('topic', 'recipient'), name='topic_subscription_once')],
            },
        ),
    ]
