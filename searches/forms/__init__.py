"""The new-run form, drawn from the options of the spec and of what the registries hold."""

from searches.forms.run_form import RunForm

__all__ = ["RunForm"]
