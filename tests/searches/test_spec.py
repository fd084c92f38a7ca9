"""The one validator: every fault is told with its field, its value and the way out."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from searches.evaluation.fidelity import Ladder
from searches.evaluation.training.recipe import Recipe
from searches.spec import SearchSpec, SpecErrors


def faults(document: Any, **how: Any) -> dict[str, str]:
    with pytest.raises(SpecErrors) as caught:
        SearchSpec.from_document(document, **how)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_an_empty_document_is_the_example_search() -> None:
    spec = SearchSpec.from_document({})
    assert (spec.dataset, spec.space, spec.algorithm, spec.evaluations) == ("digits", "chain", "nsga2", 24)


def test_a_document_survives_the_round_trip_with_its_defaults_written_out() -> None:
    spec = SearchSpec.from_document({"seed": 7, "algorithm_options": {"population": 5}, "limits": {"max_params": 9000}})
    document = spec.to_document()
    assert document["algorithm_options"]["population"] == 5
    assert "crossover" in document["algorithm_options"]
    assert SearchSpec.from_document(document).to_document() == document


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        ({"evaluations": -1}, "evaluations", "must be at least 1, but is -1"),
        ({"evaluations": 0}, "evaluations", "must be at least 1, but is 0"),
        ({"evaluations": "ten"}, "evaluations", "must be a whole number, but is 'ten'"),
        ({"evaluations": True}, "evaluations", "must be a whole number, but is True"),
        ({"evaluations": 1.5}, "evaluations", "must be a whole number, but is 1.5"),
        ({"evaluations": float("nan")}, "evaluations", "must be a whole number, but is nan"),
        ({"seed": 2**64}, "seed", "must be at most 9,223,372,036,854,775,807, but is 18446744073709551616"),
        (
            {"seed": 10**400},
            "seed",
            "must be at most 9,223,372,036,854,775,807, but is a number of more than 20 digits",
        ),
        ({"seconds": float("inf")}, "seconds", "must be a finite number, but is inf"),
        ({"training": {"epochs": 10**9}}, "training.epochs", "must be at most 1,000, but is 1000000000"),
        ({"seconds": "1e3"}, "seconds", "must be a finite number, but is '1e3'"),
        ({"max_cost": 0}, "max_cost", "must be at least 1, but is 0; leave it out for no limit"),
        ({"limits": {"max_latency_ms": float("nan")}}, "limits.max_latency_ms", "must be a finite number, but is nan"),
        ({"limits": {"max_flops": float("inf")}}, "limits.max_flops", "must be a whole number, but is inf"),
        ({"space_options": {"max_layers": 1e400}}, "space_options.max_layers", "must be finite, but is inf"),
        (
            {"space_options": {"operations": ["conv9x9"]}},
            "space_options.operations",
            "must be one of conv3x3, conv5x5, depthwise_conv, sep_conv3x3, dil_conv3x3, max_pool, avg_pool, "
            "skip_connect, conv1x1, pool_conv3x3, but is 'conv9x9'",
        ),
        (
            {"space_options": {"operations": []}},
            "space_options.operations",
            "must be a list of at least one value, but is []",
        ),
        ({"training": {"epoch": 3}}, "training.epoch", "is not known; did you mean 'epochs'?"),
        ({"training": []}, "training", "must be a JSON object, but is a list"),
        ({"limits": {"max_params": 0}}, "limits.max_params", "must be above 0, but is 0; leave it out for no limit"),
        (
            {"limits": {"min_params": 2000, "max_params": 1000}},
            "limits.max_params",
            "must be at least limits.min_params (2,000), but is 1,000",
        ),
        (
            {"objectives": []},
            "objectives",
            "must name at least one of accuracy, energy, flops, latency, memory, params",
        ),
        ({"objectives": "accuracy"}, "objectives", "must be a list of names, but is 'accuracy'"),
        (
            {"objectives": ["accuracy", "accuracy"]},
            "objectives.1",
            "must not repeat 'accuracy'; name each objective once",
        ),
        (
            {"objectives": ["acuracy"], "choose": "vote"},
            "objectives.0",
            "is not known: no objective is named 'acuracy'; did you mean 'accuracy'?",
        ),
        ({"algorithm": "nsga3"}, "algorithm", "is not known: no algorithm is named 'nsga3'; did you mean 'nsga2'?"),
        (
            {"algorithm_options": {"populaton": 3}},
            "algorithm_options.populaton",
            "is not known; did you mean 'population'?",
        ),
        (
            {"algorithm": "regularized_evolution", "algorithm_options": {"population": 3, "sample": 4}},
            "algorithm_options.sample",
            "must be at most population (3), but is 4",
        ),
        ({"space": "chian"}, "space", "is not known: no search space is named 'chian'; did you mean 'chain'?"),
        ({"target": "fone"}, "target", "is not known: no hardware target is named 'fone'; did you mean 'phone'?"),
        ({"choose": "best"}, "choose", "a choice must be knee, vote, or weights:accuracy=.7,latency=.3, but is 'best'"),
        (
            {"choose": "weights:accuracy=-1"},
            "choose",
            "a weight must be 0 or above, but one is accuracy=-1; the objective itself says what is better",
        ),
        ({"task": "speech"}, "task", "must be one of image_classification, but is 'speech'"),
        ({"version": 2}, "version", "must be 1, but is 2"),
        ({"sead": 1}, "sead", "is not known; did you mean 'seed'?"),
        ([], "", "a spec must be a JSON object, but is a list"),
        ({"dataset": "a\nb"}, "dataset", "must be at most 4096 printable characters, but is 'a\\nb'"),
    ],
)
def test_it_names_the_field_the_rule_and_the_value(document: Any, field: str, message: str) -> None:
    assert faults(document)[field] == message


def test_it_tells_all_faults_at_once() -> None:
    assert set(faults({"evaluations": 0, "seed": -1, "space": "none", "limits": {"max_flops": "x"}})) == {
        "evaluations",
        "seed",
        "space",
        "limits.max_flops",
    }


def test_a_space_names_its_own_option() -> None:
    assert "space_options.max_layers" in faults({"space_options": {"max_layers": 99}})


def test_nested_options_are_refused() -> None:
    found = faults({"space_options": {"widths": {"deep": {"deeper": 1}}}})
    assert found["space_options.widths"] == "must be a number, a text, true, false, or a list of such"


def test_a_path_is_a_data_set_only_where_files_may_be_read(tmp_path: Path) -> None:
    file = tmp_path / "images.npz"
    file.touch()
    assert "no dataset is named" in faults({"dataset": str(file)})["dataset"]
    assert SearchSpec.from_document({"dataset": str(file)}, files=True).dataset == str(file)
    assert "or give the path" in faults({"dataset": str(tmp_path / "none.npz")}, files=True)["dataset"]


def test_it_refuses_a_limit_that_no_network_keeps_with_the_smallest_that_one_does() -> None:
    with pytest.raises(SpecErrors) as caught:
        SearchSpec.from_document({"limits": {"max_params": 10}})
    (problem,) = caught.value.problems
    assert problem.field == "limits.max_params"
    smallest = int(re.findall(r"at least ([\d,]+)", str(problem))[0].replace(",", ""))
    assert SearchSpec.from_document({"limits": {"max_params": smallest}}).limits.max_params == smallest


def test_a_whole_float_counts_as_a_whole_number_in_every_part_of_the_spec() -> None:
    given = {
        "evaluations": 8.0,
        "training": {"epochs": 4.0},
        "ladder": {"eta": 2.0},
        "limits": {"max_params": 100_000.0},
        "space_options": {"max_layers": 8.0, "widths": [16.0, 32]},
        "algorithm_options": {"population": 6.0},
    }
    plain = {
        "evaluations": 8,
        "training": {"epochs": 4},
        "ladder": {"eta": 2},
        "limits": {"max_params": 100_000},
        "space_options": {"max_layers": 8, "widths": [16, 32]},
        "algorithm_options": {"population": 6},
    }
    spec = SearchSpec.from_document(given)
    assert spec == SearchSpec.from_document(plain)
    assert json.dumps(spec.to_document()) == json.dumps(SearchSpec.from_document(plain).to_document())
    assert Recipe.from_document({"epochs": 4.0}) == Recipe(epochs=4)


@pytest.mark.parametrize("name", ["name", "classes", "input_shape"])
def test_an_option_of_a_space_that_is_called_like_an_argument_is_refused(name: str) -> None:
    assert faults({"space_options": {name: 1}})[f"space_options.{name}"].startswith("is no option of chain")


def test_the_canonical_document_keeps_its_bytes() -> None:
    document = SearchSpec(algorithm="random_search", ladder=Ladder(rungs="2,6")).to_document()
    assert document["ladder"]["rungs"] == "2,6"
    text = json.dumps(document, sort_keys=True)
    assert sha256(text.encode()).hexdigest() == "05f5fc7b243c76476502bac233433f0a03796068277daac007aabc6a9e2ea25f"
