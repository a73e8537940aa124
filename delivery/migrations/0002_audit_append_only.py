from django.db import migrations

from notifysite.plumbing.triggers import append_only


class Migration(migrations.Migration):
    dependencies = [("delivery", "0001_initial")]
    operations = [append_only("audit_entry")]
