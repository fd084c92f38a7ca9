"""The binary version of CIFAR-10 and CIFAR-100 (Krizhevsky 2009): label bytes, then 3,072 bytes, plane by plane."""

import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from searches.evaluation.datasets.dataset import DataSet, DataSetError
from searches.evaluation.datasets.reading.arrays import Part, dataset_from

PIXEL_BYTES = 3 * 32 * 32


def read_records(name: str, content: bytes, label_bytes: int) -> Part:
    """Reads images and their last label byte (CIFAR-100 has a coarse one before it).

    Raises DataSetError where the content is no whole number of records.
    """
    size = label_bytes + PIXEL_BYTES
    if not content or len(content) % size:
        raise DataSetError(f"{name} has {len(content):,} bytes, no whole number of records of {size:,}; fetch it again")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, size)
    planes = records[:, label_bytes:].reshape(-1, 3, 32, 32)
    return Part(planes.transpose(0, 2, 3, 1), records[:, label_bytes - 1], name, name)


def joined(parts: Sequence[Part]) -> Part:
    return Part(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]), parts[0].x_name)


def read_archive(
    dataset: str, archive: Path, members: Sequence[str], test: str, names: str, label_bytes: int
) -> DataSet:
    """Reads the official tar.gz; only the named members are read, and none is unpacked to disk.

    Raises DataSetError where the archive or a member cannot be read.
    """
    try:
        with tarfile.open(archive, "r:gz") as packed:
            train = joined([read_records(name, member(packed, name), label_bytes) for name in members])
            last = read_records(test, member(packed, test), label_bytes)
            labels = [line.strip() for line in member(packed, names).decode("utf-8").splitlines() if line.strip()]
    except (tarfile.TarError, OSError, EOFError, UnicodeDecodeError) as error:
        raise DataSetError(f"{archive.name} cannot be read ({error}); fetch it again") from error
    return dataset_from(dataset, train, last, labels, augmentation="flip_crop", source=f"{archive.name}, official")


def member(packed: tarfile.TarFile, name: str) -> bytes:
    """Returns the bytes of a member. Raises DataSetError where the archive lacks it."""
    for found in packed:
        if found.isfile() and found.name.rpartition("/")[2] == name:
            stream = packed.extractfile(found)
            if stream is not None:
                return stream.read()
    raise DataSetError(f"{Path(str(packed.name)).name} lacks {name}; fetch it again")
