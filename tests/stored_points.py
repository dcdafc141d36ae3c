"""Points of a sweep without their computation, for tests of files and folders."""

import numpy as np

from moire.io import Dataset, Record, write_record
from moire.parameters import WANG_2023
from moire.sweep import BandsTask, ModelPoint, Request


def request_at(twist_deg, **options):
    """Request of bands at one angle."""
    point = ModelPoint(parameters=WANG_2023, twist_deg=twist_deg, plane_wave_shells=3)
    return Request(point=point, task=BandsTask(mesh=(6, 6), points_per_segment=3, **options))


def record_of(request, **summary):
    """Record of a finished request with one array, and these columns of the summary beside those of the request."""
    angle = request.point.twist_deg
    columns = {**request.coordinates(), "width_0": Dataset(2 * angle, "meV", (), "a width"), **summary}
    energies = Dataset(np.arange(12.0).reshape(3, 4) + angle, "meV", ("k", "band"), "energies")
    names = Dataset(np.array(["gamma", "kappa"], dtype=object), "", ("corner",), "corners")
    datasets = {"mesh/energies": energies, "path/tick_labels": names}
    datasets |= {f"summary/{name}": column for name, column in columns.items()}
    attributes = {"request": request.canonical(), "key": request.key, "title": request.title, "warnings": []}
    return Record(request.task.name, datasets, attributes)


def store(folder, request, record=None):
    """Write the file of a request into an opened folder and return its path."""
    path = folder.file_of(request)
    write_record(path, record or record_of(request))
    return path
