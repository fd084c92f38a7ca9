"""Datasets by name or by path. Reading one never needs torch; the test split is read by the test job only."""

from searches.evaluation.datasets.dataset import DataSet, DataSetError, Normalisation
from searches.evaluation.datasets.registry import Facts, absence, available, describe, exists, facts, names, open
from searches.evaluation.datasets.stored import is_upload

__all__ = [
    "DataSet",
    "DataSetError",
    "Facts",
    "Normalisation",
    "absence",
    "available",
    "describe",
    "exists",
    "facts",
    "is_upload",
    "names",
    "open",
]
