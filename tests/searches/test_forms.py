"""The new-run form: it is filled in with values that work, loses nothing, and says faults where they were entered."""

from dataclasses import fields

import pytest
from django.http import QueryDict

from architectures.registry import options
from architectures.spaces.limits import Limits
from searches.evaluation.fidelity import Ladder
from searches.evaluation.training.recipe import Recipe
from searches.forms import RunForm, number
from searches.presets import PRESETS
from searches.spec import SearchSpec


def filled(**changes: str | list[str]) -> RunForm:
    """The form as a browser sends it: the defaults, but for the changes."""
    data = QueryDict(mutable=True)
    for name, values in RunForm.of_spec(SearchSpec().to_document(), "a run").entered.items():
        data.setlist(name, list(values))
    for name, value in changes.items():
        data.setlist(name.replace("__", "."), [value] if isinstance(value, str) else value)
    return RunForm.of_post(data)


def test_its_defaults_are_the_defaults_of_the_spec() -> None:
    form = filled()
    assert form.errors == {}
    assert form.spec is not None
    assert form.spec.to_document() == SearchSpec().to_document()


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_spec_that_survives_the_form(name: str) -> None:
    spec = SearchSpec.from_document(PRESETS[name].document)
    form = RunForm.of_spec(spec.to_document(), PRESETS[name].title)
    assert form.errors == {}
    assert form.spec is not None
    assert form.spec.to_document() == spec.to_document()


def test_every_entry_of_the_spec_has_a_field() -> None:
    shown = {
        field.name for section in RunForm.of_spec(SearchSpec().to_document(), "").sections for field in section.fields
    }
    wanted = {each.name for each in fields(SearchSpec)} - {"version", "task", "space_options", "algorithm_options"}
    wanted = (wanted - {"limits", "training", "ladder"}) | {f"limits.{each.name}" for each in fields(Limits)}
    wanted |= {f"training.{option.name}" for option in options(Recipe)}
    wanted |= {f"ladder.{option.name}" for option in options(Ladder)}
    assert wanted - shown == set()


def test_every_option_of_every_algorithm_has_a_field_that_belongs_to_it() -> None:
    sections = RunForm.of_spec(SearchSpec().to_document(), "").sections
    owned = {field.name: field.owner for section in sections for field in section.fields if field.owner}
    assert owned["algorithm_options.nsga2.population"] == "algorithm:nsga2"
    assert owned["algorithm_options.random_search.population"] == "algorithm:random_search"


def test_a_fault_is_said_at_the_field_where_it_was_entered() -> None:
    form = filled(algorithm_options__nsga2__population="1", evaluations="many")
    assert "must be at least" in form.errors["algorithm_options.nsga2.population"][0]
    assert form.errors["evaluations"] == ("must be a whole number, but is 'many'",)
    assert form.spec is None


def test_nothing_that_was_entered_is_lost_on_a_fault() -> None:
    form = filled(evaluations="many", seed="77", limits__max_params="250K", name="  my   run ")
    values = {field.name: field.value for section in form.sections for field in section.fields}
    assert values["evaluations"] == "many"
    assert values["seed"] == "77"
    assert values["limits.max_params"] == "250K"
    assert form.name == "my run"


def test_options_of_another_algorithm_do_not_reach_the_spec() -> None:
    form = filled(algorithm="random_search", algorithm_options__nsga2__population="nonsense")
    assert form.spec is not None
    assert form.spec.algorithm_options == {}


def test_an_empty_limit_is_no_limit() -> None:
    spec = filled(limits__max_params="").spec
    assert spec is not None
    assert spec.limits == Limits()


def test_a_limit_may_be_written_with_a_letter() -> None:
    spec = filled(limits__max_params="250K", limits__max_flops="1.5 M").spec
    assert spec is not None
    assert spec.limits == Limits(max_params=250_000, max_flops=1_500_000)


def test_weights_are_said_beside_the_choice() -> None:
    spec = filled(choose="weights", choose_weights="accuracy=.7,latency=.3").spec
    assert spec is not None
    assert spec.choose == "weights:accuracy=.7,latency=.3"
    assert "'speed'" in filled(choose="weights", choose_weights="speed=1").errors["choose"][0]


def test_no_objective_is_a_fault_of_the_objectives() -> None:
    assert "must name at least one" in filled(objectives=[]).errors["objectives"][0]


def test_a_run_needs_a_name() -> None:
    assert filled(name="  ").errors["name"] == ("must not be empty: it is how you find the run again",)
    assert "at most 200" in filled(name="x" * 201).errors["name"][0]


@pytest.mark.parametrize(
    ("text", "value"),
    [("250K", 250_000), ("1.5 M", 1_500_000), ("1_000", 1000), ("1,000", 1000), ("2e6", 2_000_000), ("0.25", 0.25)],
)
def test_it_reads_numbers_as_people_write_them(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "many", "12 apples", "K"])
def test_it_leaves_what_is_no_number_to_the_spec(text: str) -> None:
    assert number(text) == text


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "-inf", "9" * 400])
def test_it_does_not_fall_over_numbers_that_are_none(text: str) -> None:
    assert "seed" in filled(seed=text).errors


def test_a_missing_field_is_a_fault_and_no_crash() -> None:
    form = RunForm.of_post(QueryDict("name=bare"))
    assert form.spec is None
    assert {"dataset", "space", "algorithm", "target", "evaluations"} <= set(form.errors)


def test_what_was_entered_cannot_name_things_outside_the_registries() -> None:
    form = filled(dataset="/etc/passwd", space="<script>", algorithm="../x")
    assert {"dataset", "space", "algorithm"} <= set(form.errors)
