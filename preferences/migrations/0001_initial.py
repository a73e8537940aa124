import delivery.channels
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Category',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=80, unique=True, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_]{0,79}$', 'Use lower-case letters, digits and underscores, a letter first.')])),
                ('name', models.CharField(max_length=120)),
                ('description', models.CharField(blank=True, default='', max_length=300)),
                ('translations', models.JSONField(blank=True, default=dict, help_text='{"de": {"name": "…", "description": "…"}}')),
                ('kind', models.SmallIntegerField(choices=[(1, 'Security'), (2, 'Transactional'), (3, 'Marketing')], default=2)),
                ('mandatory', models.BooleanField(default=False, help_text='People choose the channels; one must stay.')),
                ('default_channels', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), blank=True, default=list, help_text='Channels that are on until the person says otherwise, best first.', size=None)),
                ('position', models.PositiveSmallIntegerField(default=100)),
            ],
            options={
                'verbose_name_plural': 'categories',
                'db_table': 'category',
                'ordering': ['position', 'key'],
            },
        ),
        migrations.CreateModel(
            name='Recipient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.CharField(max_length=255, null=True, unique=True)),
                ('subject', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('data_key', models.BinaryField(null=True)),
                ('profile', models.BinaryField(null=True)),
                ('locale', models.CharField(blank=True, default='', max_length=20)),
                ('timezone', models.CharField(blank=True, default='', max_length=64)),
                ('quiet_hours', models.JSONField(blank=True, null=True)),
                ('paused_until', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('changed_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('erased_at', models.DateTimeField(editable=False, null=True)),
                ('account', models.OneToOneField(blank=True, help_text='The Django user this person logs in as, if any.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='recipient', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'recipient',
            },
        ),
        migrations.CreateModel(
            name='Choice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.SmallIntegerField(default=0)),
                ('enabled', models.BooleanField()),
                ('source', models.CharField(max_length=40)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('category', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to='preferences.category')),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='choices', to='preferences.recipient')),
            ],
            options={
                'db_table': 'choice',
            },
        ),
        migrations.CreateModel(
            name='CategorySetting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('snoozed_until', models.DateTimeField(blank=True, null=True)),
                ('preferred_channel', models.SmallIntegerField(blank=True, null=True)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('category', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='preferences.category')),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='settings', to='preferences.recipient')),
            ],
            options={
                'db_table': 'category_setting',
            },
        ),
        migrations.CreateModel(
            name='Address',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.SmallIntegerField(choices=delivery.channels.choices)),
                ('kind', models.CharField(blank=True, default='', max_length=20)),
                ('value', models.BinaryField()),
                ('hash', models.BinaryField()),
                ('label', models.CharField(blank=True, default='', max_length=120)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('last_ok_at', models.DateTimeField(null=True)),
                ('retired_at', models.DateTimeField(null=True)),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='addresses', to='preferences.recipient')),
            ],
            options={
                'verbose_name_plural': 'addresses',
                'db_table': 'address',
            },
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.UUIDField()),
                ('given', models.BooleanField()),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('way', models.CharField(max_length=40)),
                ('text', models.CharField(blank=True, default='', max_length=400)),
                ('locale', models.CharField(blank=True, default='', max_length=20)),
                ('category', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='preferences.category')),
            ],
            options={
                'db_table': 'consent',
                'indexes': [models.Index(fields=['subject', 'category', '-id'], name='consent_latest')],
            },
        ),
        migrations.AddConstraint(
            model_name='recipient',
            constraint=models.CheckConstraint(condition=models.Q(('erased_at__isnull', True), models.Q(('data_key__isnull', True), ('profile__isnull', True), ('user_id__isnull', True)), _connector='OR'), name='recipient_erased_has_no_key'),
        ),
        migrations.AddConstraint(
            model_name='choice',
            constraint=models.UniqueConstraint(models.F('recipient'), django.db.models.functions.comparison.Coalesce('category', 0), models.F('channel'), name='choice_once'),
        ),
        migrations.AddConstraint(
            model_name='categorysetting',
            constraint=models.UniqueConstraint(fields=('recipient', 'category'), name='category_setting_once'),
        ),
        migrations.AddIndex(
            model_name='address',
            index=models.Index(fields=['hash'], name='address_hash'),
        ),
        migrations.AddConstraint(
            model_name='address',
            constraint=models.UniqueConstraint(condition=models.Q(('retired_at__isnull', True)), fields=('recipient', 'channel', 'hash'), name='address_in_use_once'),
        ),
        migrations.AddConstraint(
            model_name='address',
            constraint=models.UniqueConstraint(condition=models.Q(('channel__in', [1, 2]), ('retired_at__isnull', True)), fields=('recipient', 'channel'), name='address_one_current'),
        ),
    ]
