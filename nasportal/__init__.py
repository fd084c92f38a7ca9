"""The Django project: settings, routes, accounts, `manage.py up`, health."""
