"""What people do: `services.run_create(...)`. Each verb is one transaction."""

from searches.selectors.repository_request import NothingToDeliver
from searches.services.projects import (
    member_add,
    member_remove,
    one_line,
    project_create,
    project_delete,
    project_rename,
    project_transfer,
    template_delete,
    template_save,
)
from searches.services.repositories import bundle_request, repository_request
from searches.services.runs import (
    RunRefuses,
    run_cancel,
    run_clone,
    run_create,
    run_delete,
    run_pause,
    run_rename,
    run_resume,
)
from searches.services.transitions import events_append, ring, run_move

__all__ = [
    "NothingToDeliver",
    "RunRefuses",
    "bundle_request",
    "events_append",
    "member_add",
    "member_remove",
    "one_line",
    "project_create",
    "project_delete",
    "project_rename",
    "project_transfer",
    "repository_request",
    "ring",
    "run_cancel",
    "run_clone",
    "run_create",
    "run_delete",
    "run_move",
    "run_pause",
    "run_rename",
    "run_resume",
    "template_delete",
    "template_save",
]
