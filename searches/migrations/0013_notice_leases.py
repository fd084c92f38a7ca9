"""Notices get leases, whose column `status` is the notice's own; webhooks that fail count how often."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("searches", "0012_weights_once")]

    operations = [
        migrations.RemoveIndex("notice", "notice_work"),
        migrations.RenameField("notice", "status", "run_status"),
        migrations.RenameField("notice", "state", "status"),
        migrations.AddField(
            model_name='notice',
            name='lease_boot_id',
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name='notice',
            name='lease_owner',
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name='notice',
            name='lease_pid',
            field=models.PositiveBigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='notice',
            name='lease_pid_namespace',
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name='notice',
            name='lease_pid_started',
            field=models.PositiveBigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='notice',
            name='lease_token',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='notice',
            name='lease_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='noticewishes',
            name='webhook_failures',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='noticewishes',
            name='webhook_off_since',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='notice',
            name='status',
            field=models.CharField(choices=[('waiting', 'waiting'), ('sent', 'sent'), ('failed', 'failed')], default='waiting', max_length=10),
        ),
        migrations.AlterField(
            model_name='noticewishes',
            name='webhook_url',
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['status', 'due'], name='notice_work'),
        ),
    ]
