import delivery.channels
import delivery.lifecycle
import django.db.models.functions.datetime
from django.db import migrations, models

from notifysite.plumbing.partitions import CreatePartitionedModel


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('name', models.CharField(max_length=120, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=20)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('consumed_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'heartbeat',
            },
        ),
        migrations.CreateModel(
            name='InboxHead',
            fields=[
                ('recipient_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('seq', models.BigIntegerField(default=0)),
            ],
            options={
                'db_table': 'inbox_head',
            },
        ),
        migrations.CreateModel(
            name='Announcement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('changes', models.JSONField()),
                ('lane', models.SmallIntegerField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'delivery_announcement',
                'indexes': [models.Index(fields=['lane', 'id'], name='announcement_lane')],
            },
        ),
        CreatePartitionedModel(
            name='Attempt',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('delivery_id', models.UUIDField()),
                ('number', models.SmallIntegerField()),
                ('provider', models.CharField(max_length=40)),
                ('outcome', models.SmallIntegerField()),
                ('code', models.CharField(blank=True, default='', max_length=80)),
                ('detail', models.CharField(blank=True, default='', max_length=400)),
                ('provider_ref', models.CharField(blank=True, default='', max_length=255)),
                ('took_ms', models.IntegerField(default=0)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'delivery_attempt',
                'indexes': [models.Index(fields=['delivery_id'], name='attempt_story')],
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('actor', models.TextField()),
                ('action', models.TextField()),
                ('target', models.TextField()),
                ('subject', models.UUIDField(null=True)),
                ('detail', models.JSONField(null=True)),
            ],
            options={
                'verbose_name_plural': 'audit entries',
                'db_table': 'audit_entry',
                'indexes': [models.Index(fields=['target', '-id'], name='audit_target'), models.Index(condition=models.Q(('subject__isnull', False)), fields=['subject', '-id'], name='audit_subject')],
            },
        ),
        CreatePartitionedModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('notification_id', models.UUIDField()),
                ('recipient_id', models.BigIntegerField()),
                ('address_id', models.BigIntegerField(null=True)),
                ('address_hash', models.BinaryField(null=True)),
                ('channel', models.SmallIntegerField()),
                ('step', models.SmallIntegerField()),
                ('lane', models.SmallIntegerField()),
                ('mode', models.SmallIntegerField()),
                ('uncertain', models.SmallIntegerField()),
                ('state', models.SmallIntegerField()),
                ('reason', models.SmallIntegerField(null=True)),
                ('attempts', models.SmallIntegerField(default=0)),
                ('unknowns', models.SmallIntegerField(default=0)),
                ('provider', models.CharField(blank=True, default='', max_length=40)),
                ('lease', models.UUIDField(null=True)),
                ('due_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('accepted_at', models.DateTimeField()),
                ('person_changed_at', models.DateTimeField()),
                ('sent_at', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'db_table': 'delivery',
                'indexes': [models.Index(condition=models.Q(('state', delivery.lifecycle.State['QUEUED'])), fields=['lane', 'due_at'], name='delivery_queue'), models.Index(condition=models.Q(('state__in', [delivery.lifecycle.State['SENDING'], delivery.lifecycle.State['UNCERTAIN']])), fields=['due_at'], name='delivery_limbo'), models.Index(fields=['notification_id'], name='delivery_story'), models.Index(condition=models.Q(('state', delivery.lifecycle.State['DEAD'])), fields=['-id'], name='delivery_dead')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', [1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 20])), name='delivery_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', delivery.lifecycle.State['QUEUED']), _negated=True), ('due_at__isnull', False), _connector='OR'), name='delivery_queued_is_due')],
            },
        ),
        CreatePartitionedModel(
            name='Engagement',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('notification_id', models.UUIDField()),
                ('opened_at', models.DateTimeField(null=True)),
                ('clicked_at', models.DateTimeField(null=True)),
                ('seen_at', models.DateTimeField(null=True)),
                ('read_at', models.DateTimeField(null=True)),
                ('archived_at', models.DateTimeField(null=True)),
                ('snoozed_until', models.DateTimeField(null=True)),
                ('converted_at', models.DateTimeField(null=True)),
                ('machine_opened_at', models.DateTimeField(null=True)),
                ('machine_clicked_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'delivery_engagement',
                'indexes': [models.Index(fields=['notification_id'], name='engagement_story')],
            },
        ),
        CreatePartitionedModel(
            name='Event',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('delivery_id', models.UUIDField()),
                ('kind', models.SmallIntegerField()),
                ('provider', models.CharField(blank=True, default='', max_length=40)),
                ('at', models.DateTimeField()),
                ('code', models.CharField(blank=True, default='', max_length=80)),
                ('detail', models.CharField(blank=True, default='', max_length=400)),
                ('machine', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'delivery_event',
                'indexes': [models.Index(fields=['delivery_id'], name='event_story')],
            },
        ),
        migrations.CreateModel(
            name='InboxItem',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('notification_id', models.UUIDField()),
                ('recipient_id', models.BigIntegerField()),
                ('seq', models.BigIntegerField()),
                ('changed_seq', models.BigIntegerField()),
                ('category', models.CharField(blank=True, default='', max_length=80)),
                ('type', models.CharField(blank=True, default='', max_length=80)),
                ('priority', models.SmallIntegerField(default=3)),
                ('content', models.BinaryField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('expires_at', models.DateTimeField(null=True)),
                ('seen_at', models.DateTimeField(null=True)),
                ('read_at', models.DateTimeField(null=True)),
                ('archived_at', models.DateTimeField(null=True)),
                ('snoozed_until', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'inbox_item',
                'indexes': [models.Index(fields=['recipient_id', 'changed_seq'], name='inbox_changes'), models.Index(condition=models.Q(('archived_at__isnull', True), ('read_at__isnull', True)), fields=['recipient_id'], name='inbox_unread')],
                'constraints': [models.UniqueConstraint(fields=('recipient_id', 'seq'), name='inbox_seq_once')],
            },
        ),
        migrations.CreateModel(
            name='News',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=40)),
                ('event_key', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'verbose_name_plural': 'news',
                'db_table': 'delivery_news',
                'constraints': [models.UniqueConstraint(fields=('provider', 'event_key'), name='news_once')],
            },
        ),
        migrations.CreateModel(
            name='OutboxMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('delivery_id', models.UUIDField()),
                ('notification_id', models.UUIDField()),
                ('recipient_id', models.BigIntegerField()),
                ('channel', models.SmallIntegerField(choices=delivery.channels.choices)),
                ('outcome', models.SmallIntegerField()),
                ('content', models.BinaryField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'verbose_name': 'outbox message',
                'verbose_name_plural': 'outbox',
                'db_table': 'sandbox_message',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['delivery_id'], name='outbox_delivery')],
            },
        ),
        migrations.CreateModel(
            name='Route',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.SmallIntegerField(choices=delivery.channels.choices)),
                ('provider', models.CharField(help_text='An alias of DELIVERY_PROVIDERS.', max_length=40)),
                ('position', models.PositiveSmallIntegerField(default=1, help_text='Lower is tried first.')),
                ('weight', models.PositiveSmallIntegerField(default=100, help_text='Share among the routes of one position; 0 takes it out.')),
                ('enabled', models.BooleanField(default=True)),
            ],
            options={
                'db_table': 'delivery_route',
                'ordering': ['channel', 'position', 'id'],
                'constraints': [models.UniqueConstraint(fields=('channel', 'provider'), name='route_once')],
            },
        ),
        migrations.CreateModel(
            name='Suppression',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.SmallIntegerField(choices=delivery.channels.choices)),
                ('address_hash', models.BinaryField()),
                ('reason', models.SmallIntegerField(choices=[(1, 'Hard bounce'), (2, 'Complaint'), (3, 'Opted out by STOP'), (4, 'Dead device token'), (5, 'Set by hand')])),
                ('source', models.CharField(blank=True, default='', max_length=80)),
                ('note', models.CharField(blank=True, default='', max_length=400)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'db_table': 'suppression',
                'constraints': [models.UniqueConstraint(fields=('channel', 'address_hash'), name='suppression_once')],
            },
        ),
    ]
