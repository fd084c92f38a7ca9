"""The vote, computed by hand."""

from searches.algorithms import Ballot
from searches.engine.selection import voted

ENTRIES = [
    {"number": number, "fingerprint": mark, "values": {"accuracy": accuracy, "params": params}}
    for number, mark, accuracy, params in ((3, "c", 0.9, 300.0), (5, "b", 0.8, 200.0), (8, "a", 0.7, 100.0))
]
NAMES = ("accuracy", "params")


def test_three_ballots_are_counted_by_hand() -> None:
    """Of three candidates a first place is worth 2 points, a second 1.

    nsga2 3, 5, 8; predictor 5, 3, 8; reinforce 5, 8, 3: number 3 has 2 + 1 + 0, number 5 has 1 + 2 + 2, number 8 one.
    """
    ballots = [
        Ballot("nsga2", (3, 5, 8), "rank"),
        Ballot("predictor", (5, 3, 8), "mean"),
        Ballot("reinforce", (5, 8, 3), "log-probability"),
    ]
    chosen, reasons = voted(ENTRIES, NAMES, ballots)
    assert chosen == 5
    assert "5 points of 3 ballots on 3 candidates" in reasons
    assert "predictor: mean" in reasons


def test_who_abstains_is_named_and_not_counted() -> None:
    ballots = [
        Ballot("nsga2", (3, 5, 8), "rank"),
        Ballot("reinforce", (), "abstains: the controller has learned nothing yet"),
    ]
    chosen, reasons = voted(ENTRIES, NAMES, ballots)
    assert chosen == 3
    assert "reinforce: abstains: the controller has learned nothing yet" in reasons
    assert "2 points of 1 ballots on 3 candidates" in reasons


def test_a_tie_goes_to_the_smaller_fingerprint() -> None:
    ballots = [Ballot("nsga2", (3, 8, 5), "rank"), Ballot("predictor", (8, 3, 5), "mean")]
    assert voted(ENTRIES, NAMES, ballots)[0] == 8


def test_where_all_abstain_the_knee_is_taken() -> None:
    chosen, reasons = voted(ENTRIES, NAMES, [Ballot("random_search", (), "abstains")])
    assert chosen in (3, 5, 8)
    assert "all abstained, so the knee is selected" in reasons
