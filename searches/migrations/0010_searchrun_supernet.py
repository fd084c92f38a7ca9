from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('searches', '0009_fronts_by_number'),
    ]

    operations = [
        migrations.AddField(
            model_name='searchrun',
            name='supernet',
            field=models.JSONField(blank=True, null=True),
        ),
    ]
