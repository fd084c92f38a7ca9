"""Path and hash of an evaluation's weights stand in `files` alone, where they have stood as well all along."""

from django.db import migrations


def into_files(apps, schema_editor):
    """Whatever only the two columns say is kept."""
    evaluations = apps.get_model("searches", "Evaluation").objects.using(schema_editor.connection.alias)
    for row in evaluations.exclude(weights_path="").exclude(files__has_key="weights").iterator():
        row.files["weights"] = {"path": row.weights_path, "sha256": row.weights_sha256}
        row.save(update_fields=["files"])


def into_columns(apps, schema_editor):
    evaluations = apps.get_model("searches", "Evaluation").objects.using(schema_editor.connection.alias)
    for row in evaluations.filter(files__has_key="weights").iterator():
        row.weights_path = row.files["weights"]["path"]
        row.weights_sha256 = row.files["weights"]["sha256"]
        row.save(update_fields=["weights_path", "weights_sha256"])


class Migration(migrations.Migration):
    dependencies = [("searches", "0011_lease_processes")]

    operations = [
        migrations.RunPython(into_files, into_columns),
        migrations.RemoveField(model_name="evaluation", name="weights_path"),
        migrations.RemoveField(model_name="evaluation", name="weights_sha256"),
    ]
