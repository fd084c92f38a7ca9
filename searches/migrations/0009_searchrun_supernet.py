from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('searches', '0008_replays'),
    ]

    operations = [
        migrations.AddField(
            model_name='searchrun',
            name='supernet',
            field=models.JSONField(blank=True, null=True),
        ),
    ]
