"""The command line is drawn from the options: its help shows what is true, and its examples run."""

import re

import pytest
from django.core.management import CommandError

from architectures.options import options
from architectures.spaces.limits import Limits
from searches.management.commands.search import EXAMPLES, Command, document_of, flags
from searches.spec import SearchSpec, SpecErrors


def parsed(*words: str) -> SearchSpec:
    return SearchSpec.from_document(document_of(vars(Command().create_parser("manage.py", "search").parse_args(words))))


def test_its_help_shows_the_default_of_the_spec() -> None:
    text = " ".join(Command().create_parser("manage.py", "search").format_help().split())
    shown = dict(re.findall(r"--([a-z-]+) [A-Z]+ (?:(?! --[a-z]).)*?; default: (\S+)", text))
    document = SearchSpec().to_document()
    assert shown["epochs"] == str(document["training"]["epochs"])
    assert shown["batch-size"] == str(document["training"]["batch_size"])
    assert shown["evaluations"] == str(document["evaluations"])
    assert shown["objectives"] == ",".join(document["objectives"])


def test_the_examples_of_its_help_run() -> None:
    spec = parsed("--set", EXAMPLES[0], "--set", EXAMPLES[1])
    assert (spec.training.learning_rate, spec.training.optimizer) == (0.1, "adamw")


def test_the_flags_that_others_rely_on_are_there() -> None:
    names = {path.rpartition(".")[2].replace("_", "-") for path in flags()}
    assert names >= {
        "dataset", "space", "algorithm", "evaluations", "seconds", "seed", "lag", "max-cost", "synchronisation",
        "rungs", "eta", "proxy", "supernet-epochs", "trial-networks", "promote-by", "final-epochs", "final-seeds",
        "final-replicas", "target", "min-params", "max-params", "max-flops", "max-memory-bytes", "max-latency-ms",
        "epochs", "batch-size", "population", "choose", "objectives",
    }  # fmt: skip


def test_every_limit_has_a_flag() -> None:
    assert {f"limits.{each.name}" for each in options(Limits)} <= set(flags())


def test_a_number_may_be_written_as_in_the_form() -> None:
    assert parsed("--max-params", "250K", "--max-flops", "2e7").limits == Limits(
        max_params=250_000, max_flops=20_000_000
    )


def test_a_flag_refuses_what_is_no_number() -> None:
    with pytest.raises(CommandError, match="argument --epochs: must be a whole number, but is 'many'"):
        parsed("--epochs", "many")


def test_a_spec_of_the_command_line_is_judged_like_any_other() -> None:
    with pytest.raises(SpecErrors, match=r"training\.epochs: must be at least 1, but is 0"):
        parsed("--epochs", "0")
