"""Attempts to sign in are counted before they have failed, and by account and address apart."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_audit")]

    operations = [
        migrations.RenameModel("LoginFailure", "LoginAttempt"),
        migrations.AddIndex("loginattempt", models.Index(fields=["name", "at"], name="attempts_on_account")),
        migrations.AddIndex("loginattempt", models.Index(fields=["address", "at"], name="attempts_from_address")),
    ]
