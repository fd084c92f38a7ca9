"""A user's own devices as targets of their runs."""

from collections.abc import Iterator

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from architectures.documents import SpecError
from profiling import targets
from profiling.models import Device


def device_faults(*, target: str, by: AbstractBaseUser | AnonymousUser) -> Iterator[SpecError]:
    """A device measures for its owner only: nobody loads another's by guessing a number."""
    if targets.device_number(target) is not None and target not in [each.target_name for each in paired_of(by)]:
        yield SpecError("target", "is no paired device of yours; select one of your own or a kind of hardware")


def paired_of(user: AbstractBaseUser | AnonymousUser) -> list[Device]:
    return [each for each in Device.objects.owned_by(user) if each.is_paired]
