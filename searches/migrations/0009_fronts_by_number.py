from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('searches', '0008_replays'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='candidate',
            options={'ordering': ['run_id', 'number']},
        ),
        migrations.AlterModelOptions(
            name='evaluation',
            options={'ordering': ['run_id', 'number', 'fidelity']},
        ),
        migrations.AlterModelOptions(
            name='event',
            options={'ordering': ['run_id', 'seq']},
        ),
        migrations.AlterModelOptions(
            name='generation',
            options={'ordering': ['run_id', 'number']},
        ),
        migrations.AlterModelOptions(
            name='progress',
            options={'ordering': ['run_id', 'evaluator']},
        ),
        migrations.AlterModelOptions(
            name='step',
            options={'ordering': ['run_id', 'number']},
        ),
        migrations.RemoveIndex(
            model_name='evaluation',
            name='evaluation_front',
        ),
        migrations.AddIndex(
            model_name='evaluation',
            index=models.Index(condition=models.Q(('is_on_front', True)), fields=['run', 'number', 'fidelity'], name='evaluation_front'),
        ),
    ]
