import delivery.channels
import delivery.lifecycle
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import notifications.words
from django.conf import settings
from django.db import migrations, models

from notifysite.plumbing.partitions import CreatePartitionedModel


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('preferences', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.BinaryField(unique=True)),
                ('body', models.JSONField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'decision',
            },
        ),
        migrations.CreateModel(
            name='FigureDelta',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('metric', models.CharField(max_length=40)),
                ('labels', models.CharField(max_length=300)),
                ('value', models.FloatField()),
            ],
            options={
                'db_table': 'figure_delta',
            },
        ),
        migrations.CreateModel(
            name='Layout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=80, unique=True, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_]{0,79}$', 'Use lower-case letters, digits and underscores, a letter first.')])),
                ('name', models.CharField(max_length=120)),
            ],
            options={
                'db_table': 'layout',
                'ordering': ['key'],
            },
        ),
        CreatePartitionedModel(
            name='Render',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('version_id', models.BigIntegerField()),
                ('variables', models.BinaryField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'render',
            },
        ),
        migrations.CreateModel(
            name='Service',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.SlugField(max_length=80, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'service',
                'ordering': ['key'],
            },
        ),
        migrations.CreateModel(
            name='Figure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('metric', models.CharField(max_length=40)),
                ('labels', models.CharField(max_length=300)),
                ('value', models.FloatField(default=0)),
            ],
            options={
                'db_table': 'figure',
                'constraints': [models.UniqueConstraint(fields=('day', 'metric', 'labels'), name='figure_once')],
            },
        ),
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('service_id', models.BigIntegerField()),
                ('test', models.BooleanField()),
                ('endpoint', models.CharField(max_length=40)),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.BinaryField()),
                ('status', models.SmallIntegerField()),
                ('answer', models.JSONField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'idempotency_key',
                'indexes': [models.Index(fields=['created_at'], name='idempotency_age')],
                'constraints': [models.UniqueConstraint(fields=('service_id', 'test', 'endpoint', 'key'), name='idempotency_once')],
            },
        ),
        migrations.CreateModel(
            name='LayoutVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('state', models.SmallIntegerField(choices=[(1, 'Draft'), (2, 'In review'), (3, 'Published'), (4, 'Retired')], default=1)),
                ('source', models.TextField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('published_at', models.DateTimeField(null=True)),
                ('author', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('layout', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='notifications.layout')),
            ],
            options={
                'db_table': 'layout_version',
                'ordering': ['-number'],
            },
        ),
        CreatePartitionedModel(
            name='Notification',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('request_id', models.UUIDField()),
                ('service_id', models.BigIntegerField()),
                ('key_id', models.BigIntegerField()),
                ('recipient_id', models.BigIntegerField()),
                ('actor_id', models.BigIntegerField(null=True)),
                ('type_id', models.BigIntegerField()),
                ('decision_id', models.BigIntegerField(null=True)),
                ('mode', models.SmallIntegerField()),
                ('priority', models.SmallIntegerField()),
                ('lane', models.SmallIntegerField()),
                ('status', models.SmallIntegerField(db_default=notifications.words.Status['ACCEPTED'])),
                ('reason', models.SmallIntegerField(null=True)),
                ('channels', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(), null=True, size=None)),
                ('locale', models.CharField(blank=True, default='', max_length=20)),
                ('data', models.BinaryField(null=True)),
                ('cancellation_key', models.CharField(max_length=255, null=True)),
                ('send_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(null=True)),
                ('lease', models.UUIDField(null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('planned_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'notification',
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False), ('status__in', [1, 2])), fields=['lane', 'due_at'], name='notification_due'), models.Index(fields=['recipient_id', '-id'], name='notification_person'), models.Index(fields=['service_id', '-id'], name='notification_service'), models.Index(condition=models.Q(('cancellation_key__isnull', False)), fields=['service_id', 'cancellation_key'], name='notification_cancellation')],
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', [1, 2, 3, 10, 11])), name='notification_status_known'), models.CheckConstraint(condition=models.Q(models.Q(('status', notifications.words.Status['ACCEPTED']), _negated=True), ('due_at__isnull', False), _connector='OR'), name='notification_accepted_is_due')],
            },
        ),
        migrations.CreateModel(
            name='NotificationType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=80, unique=True, validators=[django.core.validators.RegexValidator('^[a-z][a-z0-9_]{0,79}$', 'Use lower-case letters, digits and underscores, a letter first.')])),
                ('name', models.CharField(max_length=120)),
                ('description', models.CharField(blank=True, default='', max_length=300)),
                ('priority', models.SmallIntegerField(choices=[(1, 'Critical'), (2, 'High'), (3, 'Normal'), (4, 'Low')], default=notifications.words.Priority['NORMAL'])),
                ('active', models.BooleanField(default=True)),
                ('ttl_seconds', models.PositiveIntegerField(blank=True, help_text='After this the message is worthless and is not sent.', null=True)),
                ('data_schema', models.JSONField(blank=True, default=dict, help_text='JSON Schema of the data; mark secrets with x-sensitive.')),
                ('sample_data', models.JSONField(blank=True, default=dict)),
                ('sensitive', models.BooleanField(default=False, editable=False)),
                ('uncertain', models.SmallIntegerField(choices=[(1, 'Resend'), (2, 'Wait'), (3, 'Stop')], default=delivery.lifecycle.Uncertain['RESEND'], help_text="What to do when a provider's answer was lost.")),
                ('over_cap', models.SmallIntegerField(choices=[(1, 'Hold until there is room'), (2, 'Put it into the digest'), (3, 'Drop it')], default=1)),
                ('tracking', models.BooleanField(default=False, help_text='Record opens and clicks.')),
                ('email_interrupts', models.BooleanField(default=True, help_text='Quiet hours hold the email too.')),
                ('batch', models.JSONField(blank=True, null=True)),
                ('changed_at', models.DateTimeField(auto_now=True)),
                ('category', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='types', to='preferences.category')),
            ],
            options={
                'db_table': 'notification_type',
                'ordering': ['key'],
            },
        ),
        migrations.CreateModel(
            name='Guest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.CharField(max_length=255)),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='guests', to='notifications.service')),
            ],
            options={
                'db_table': 'service_guest',
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(blank=True, default='', max_length=120)),
                ('mode', models.SmallIntegerField(choices=[(1, 'live'), (2, 'team'), (3, 'test')])),
                ('prefix', models.CharField(max_length=40, unique=True)),
                ('hash', models.BinaryField()),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='keys', to='notifications.service')),
            ],
            options={
                'db_table': 'api_key',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('channel', models.SmallIntegerField(choices=delivery.channels.step_choices)),
                ('wait_seconds', models.PositiveIntegerField(default=0)),
                ('condition', models.SmallIntegerField(choices=[(1, 'Always'), (2, 'If not seen by then'), (3, 'If the earlier steps failed'), (4, 'If the expression holds')], default=1)),
                ('expression', models.JSONField(blank=True, null=True)),
                ('type', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='notifications.notificationtype')),
            ],
            options={
                'db_table': 'notification_step',
                'ordering': ['position'],
            },
        ),
        migrations.CreateModel(
            name='Template',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.SmallIntegerField(choices=delivery.channels.choices)),
                ('locale', models.CharField(default='en', max_length=20)),
                ('layout', models.ForeignKey(blank=True, help_text='For email.', null=True, on_delete=django.db.models.deletion.PROTECT, to='notifications.layout')),
                ('type', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='templates', to='notifications.notificationtype')),
            ],
            options={
                'db_table': 'template',
                'ordering': ['type', 'channel', 'locale'],
            },
        ),
        migrations.CreateModel(
            name='TemplateVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('state', models.SmallIntegerField(choices=[(1, 'Draft'), (2, 'In review'), (3, 'Published'), (4, 'Retired')], default=1)),
                ('source', models.JSONField(default=dict)),
                ('compiled', models.JSONField(null=True)),
                ('note', models.CharField(blank=True, default='', max_length=300)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('published_at', models.DateTimeField(null=True)),
                ('author', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('layout_version', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='notifications.layoutversion')),
                ('template', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='notifications.template')),
            ],
            options={
                'db_table': 'template_version',
                'ordering': ['-number'],
            },
        ),
        migrations.AddConstraint(
            model_name='layoutversion',
            constraint=models.UniqueConstraint(fields=('layout', 'number'), name='layout_version_once'),
        ),
        migrations.AddConstraint(
            model_name='layoutversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 3)), fields=('layout',), name='layout_one_published'),
        ),
        migrations.AddConstraint(
            model_name='guest',
            constraint=models.UniqueConstraint(fields=('service', 'user_id'), name='guest_once'),
        ),
        migrations.AddConstraint(
            model_name='step',
            constraint=models.UniqueConstraint(fields=('type', 'position'), name='step_position_once'),
        ),
        migrations.AddConstraint(
            model_name='step',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('condition', 4), _negated=True), ('expression__isnull', False), _connector='OR'), name='step_expression_when_asked'),
        ),
        migrations.AddConstraint(
            model_name='template',
            constraint=models.UniqueConstraint(fields=('type', 'channel', 'locale'), name='template_once'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.UniqueConstraint(fields=('template', 'number'), name='template_version_once'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 3)), fields=('template',), name='template_one_published'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', [1, 2])), fields=('template',), name='template_one_draft'),
        ),
        migrations.AddConstraint(
            model_name='templateversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 3), _negated=True), ('compiled__isnull', False), _connector='OR'), name='template_version_compiled'),
        ),
    ]
