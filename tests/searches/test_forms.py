"""The new-run form: it is filled in with values that work, loses nothing, and says faults where they were entered."""

from dataclasses import fields

import pytest
from django.forms import BoundField
from django.http import QueryDict

from architectures.options import options
from architectures.spaces.limits import Limits
from searches.evaluation.fidelity import Ladder
from searches.evaluation.training.recipe import Recipe
from searches.forms import RunForm
from searches.presets import PRESETS
from searches.spec import SearchSpec
from tests.support.entered import sent


def filled(**changes: str | list[str]) -> RunForm:
    """The form as a browser sends it: the defaults, but for the changes."""
    names = {name.replace("__", "."): value for name, value in changes.items()}
    return RunForm(sent(SearchSpec(), "a run", **names))


def test_its_defaults_are_the_defaults_of_the_spec() -> None:
    form = filled()
    assert form.errors == {}
    assert form.spec is not None
    assert form.spec.to_document() == SearchSpec().to_document()


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_spec_that_survives_the_form(name: str) -> None:
    spec = SearchSpec.from_document(PRESETS[name].document)
    form = RunForm(sent(spec, PRESETS[name].title))
    assert form.errors == {}
    assert form.spec is not None
    assert form.spec.to_document() == spec.to_document()


def shown(form: RunForm) -> dict[str, BoundField]:
    """All fields that the page shows, by their names."""
    fields = [field for section in form.sections for field in (*section.fields, *section.advanced)]
    return {field.html_name: field for field in fields}


def test_every_entry_of_the_spec_has_a_field() -> None:
    wanted = {each.name for each in fields(SearchSpec)} - {"version", "task", "space_options", "algorithm_options"}
    wanted = (wanted - {"limits", "training", "ladder"}) | {f"limits.{each.name}" for each in fields(Limits)}
    wanted |= {f"training.{option.name}" for option in options(Recipe)}
    wanted |= {f"ladder.{option.name}" for option in options(Ladder)}
    assert wanted - set(shown(RunForm.of_spec(SearchSpec(), ""))) == set()


def test_at_most_twenty_fields_are_visible_at_first() -> None:
    sections = RunForm.of_spec(SearchSpec(), "").sections
    owners = {"", "space:chain", "algorithm:nsga2"}
    visible = [field for section in sections for field in section.fields if field.field.owner in owners]
    assert 10 < len(visible) + len(["name"]) <= 20


def test_every_field_has_a_label_and_says_what_it_is() -> None:
    for name, field in shown(RunForm.of_spec(SearchSpec(), "")).items():
        assert str(field.label)[:1].isupper(), name
        assert name == "dataset" or str(field.help_text).endswith("."), name


def test_a_folded_group_with_a_fault_is_unfolded() -> None:
    assert not any(section.is_unfolded for section in filled().sections)
    wrong = filled(training__momentum="2")
    assert [section.name for section in wrong.sections if section.is_unfolded] == ["training"]


def test_every_option_of_every_algorithm_has_a_field_that_belongs_to_it() -> None:
    owned = {name: field.field.owner for name, field in shown(RunForm.of_spec(SearchSpec(), "")).items()}
    assert owned["algorithm_options.nsga2.population"] == "algorithm:nsga2"
    assert owned["algorithm_options.random_search.population"] == "algorithm:random_search"


def test_the_values_of_algorithms_that_are_not_chosen_are_kept() -> None:
    form = filled(algorithm="random_search", algorithm_options__nsga2__population="77")
    assert shown(form)["algorithm_options.nsga2.population"].value() == "77"


@pytest.mark.parametrize("rate", [0.1234567891, 1e-05, 10.0])
def test_a_number_comes_back_exactly_as_it_was_stored(rate: float) -> None:
    spec = SearchSpec.from_document({"training": {"learning_rate": rate}})
    assert RunForm(sent(spec, "again")).document["training"]["learning_rate"] == rate


def test_a_fault_is_said_at_the_field_where_it_was_entered() -> None:
    form = filled(algorithm_options__nsga2__population="1", evaluations="many")
    assert "must be at least" in form.errors["algorithm_options.nsga2.population"][0]
    assert form.errors["evaluations"] == ["must be a whole number, but is 'many'"]
    assert form.spec is None


def test_nothing_that_was_entered_is_lost_on_a_fault() -> None:
    form = filled(evaluations="many", seed="77", limits__max_params="250K", name="  my   run ")
    values = {name: field.value() for name, field in shown(form).items()}
    assert values["evaluations"] == "many"
    assert values["seed"] == "77"
    assert values["limits.max_params"] == "250K"
    assert form.run_name == "my run"


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
    assert filled(name="  ").errors["name"] == ["must not be empty: it is how you find the run again"]
    assert "at most 200" in filled(name="x" * 201).errors["name"][0]


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "-inf", "9" * 400])
def test_it_does_not_fall_over_numbers_that_are_none(text: str) -> None:
    assert "seed" in filled(seed=text).errors


def test_a_missing_field_is_a_fault_and_no_crash() -> None:
    form = RunForm(QueryDict("name=bare"))
    assert form.spec is None
    assert {"dataset", "space", "algorithm", "target", "evaluations"} <= set(form.errors)


def test_what_was_entered_cannot_name_things_outside_the_registries() -> None:
    form = filled(dataset="/etc/passwd", space="<script>", algorithm="../x")
    assert {"dataset", "space", "algorithm"} <= set(form.errors)
