"""Conserve means: bring fine fields to the values of the input that they were made from."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..config import GridConfig
from .footprints import footprints
from .splines import Splines, splines

if TYPE_CHECKING:
    import scipy.sparse
    import torch
    from torch import Tensor

__all__ = ["Constraint", "correct_on_device", "correction", "means", "nearest"]

# A footprint that the fine cells cover less than this constrains nothing.
_COVERED = 0.95
# Rounds of correction over cells, and over footprints that overlap. A further round sharpens what
# footprints smooth out of the first; if the true footprint is narrower, that does harm.
_CELLS, _OVERLAPPING = 3, 1


class Constraint(NamedTuple):
    """Places where the means of fine cells are known: the points of an input.

    Parameters
    ----------
    grid : GridConfig
        A model's grid or a window of it.
    latitude, longitude : tuple of float
        Axes of the input in degrees: latitude descends, longitude ascends.
    width : float, optional
        Of the footprint in metres, as `xldm.grids.footprints.footprints` has it.
    """

    grid: GridConfig
    latitude: tuple[float, ...]
    longitude: tuple[float, ...]
    width: float | None


class _Operators(NamedTuple):
    means: scipy.sparse.csr_array
    constrains: np.ndarray
    nearest: tuple[np.ndarray, np.ndarray]
    splines: Splines
    seen: scipy.sparse.csr_array


def correction(field: np.ndarray, given: np.ndarray, at: Constraint) -> np.ndarray:
    """Return what a fine field lacks so that its means are those given.

    The difference at each point is interpolated quadratically. The means of that are not quite the
    difference. Over the cells of the input, what they leave is interpolated again, three rounds in
    all. Points whose footprint the fine cells do not cover take the difference of the nearest one
    whose footprint they do.

    Parameters
    ----------
    field : numpy.ndarray (y, x)
        On the fine cells.
    given : numpy.ndarray (latitude, longitude)
        Values at the points of the input; a missing one constrains nothing.
    at : Constraint

    Returns
    -------
    numpy.ndarray (y, x)
        In double precision.
    """
    means, constrains, nearest, spline, seen = _operators(at)
    held = constrains & np.isfinite(given)
    left = np.where(held, given - (means @ field.ravel().astype("float64")).reshape(given.shape), 0)
    total = np.zeros(given.size)
    for _ in range(_rounds(at)):
        step = spline.coefficients(left[nearest])
        total += step
        left = np.where(held, left - (seen @ step).reshape(given.shape), 0)
    return (spline.basis @ total).reshape(field.shape)


def correct_on_device(fields: Tensor, given: np.ndarray, at: Constraint) -> None:
    """Add to fields on an accelerator what they lack, in place: `correction` in batches.

    Sums are taken in another order, so fields differ from those of the CPU in the last bits.

    Parameters
    ----------
    fields : Tensor (hour * member, y, x)
        On a device that has float64. Members of the first hour come first.
    given : numpy.ndarray (hour, latitude, longitude)
    at : Constraint
    """
    import torch

    on = _on_device(at, fields.device)
    values = torch.from_numpy(np.asarray(given, "float64")).to(fields.device)
    values = values.repeat_interleave(len(fields) // len(values), 0)
    with torch.autocast(fields.device.type, enabled=False):
        held = on.constrains & torch.isfinite(values)
        means = (on.means @ fields.flatten(1).double().T).T.reshape(values.shape)
        left = torch.where(held, values - means, 0)
        total = values.new_zeros(len(values), given[0].size)
        for _ in range(_rounds(at)):
            step = (on.rows @ left.flatten(1)[:, on.nearest] @ on.columns.T).flatten(1)
            total += step
            left = torch.where(held, left - (on.seen @ step.T).T.reshape(values.shape), 0)
        fields += (on.basis @ total.T).T.reshape(fields.shape).float()


def means(field: np.ndarray, at: Constraint) -> np.ndarray:
    """Return the means (latitude, longitude) of a fine field (y, x); NaN where nothing is covered.

    Means over footprints that the cells cover in part are those over the covered part.
    """
    operator, covered = footprints(at.grid, at.latitude, at.longitude, at.width)
    values = np.where(covered > 0, operator @ field.ravel().astype("float64"), np.nan)
    return values.reshape(len(at.latitude), len(at.longitude))


def nearest(known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the nearest place that is known, for every place.

    Examples
    --------
    >>> rows, columns = nearest(np.array([[False, True, False, False, True]]))
    >>> columns.tolist()
    [[1, 1, 1, 4, 4]]
    """
    from scipy.ndimage import distance_transform_edt

    rows, columns = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return rows, columns


@functools.lru_cache(maxsize=4)
def _operators(at: Constraint) -> _Operators:
    operator, covered = footprints(at.grid, at.latitude, at.longitude, at.width)
    shape = len(at.latitude), len(at.longitude)
    constrains = (covered >= _COVERED).reshape(shape)
    spline = splines(at.grid, at.latitude, at.longitude)
    # The means of a correction follow from its coefficients, without the fine cells.
    return _Operators(
        operator, constrains, nearest(constrains), spline, (operator @ spline.basis).tocsr()
    )


def _rounds(at: Constraint) -> int:
    return _CELLS if at.width is None else _OVERLAPPING


class _OnDevice(NamedTuple):
    means: Tensor
    constrains: Tensor
    nearest: Tensor
    rows: Tensor
    columns: Tensor
    basis: Tensor
    seen: Tensor


@functools.lru_cache(maxsize=4)
def _on_device(at: Constraint, device: torch.device) -> _OnDevice:
    import torch

    def dense(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    def sparse(matrix: scipy.sparse.csr_array) -> Tensor:
        rows, columns, values = map(dense, (matrix.indptr, matrix.indices, matrix.data))
        with warnings.catch_warnings():  # the first such tensor of a process warns of its state
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            return torch.sparse_csr_tensor(
                rows, columns, values, torch.Size(matrix.shape), check_invariants=False
            )

    means, constrains, nearest, spline, seen = _operators(at)
    flat = dense(np.ravel_multi_index(nearest, constrains.shape))
    rows, columns, basis = dense(spline.rows), dense(spline.columns), sparse(spline.basis)
    return _OnDevice(sparse(means), dense(constrains), flat, rows, columns, basis, sparse(seen))
