"""Errors and warnings of xldm: one base, and one class for each kind of thing that is refused.

``except xldm.XldmError`` catches every refusal of xldm. Each class also derives from the built-in
that users of Python expect, so ``except ValueError`` works as well. Messages say what was expected,
what came, and what to do.

Errors of other libraries, of the disk and of the network pass through unchanged.
"""

from __future__ import annotations

__all__ = [
    "AlignmentError",
    "ArchiveError",
    "ArgumentError",
    "ArgumentTypeError",
    "BatchError",
    "ConfigError",
    "ExistsError",
    "InputError",
    "InputWarning",
    "MissingPackageError",
    "OutOfDistributionWarning",
    "PackageError",
    "PublishedError",
    "RegistryError",
    "StoreError",
    "SyntheticModelWarning",
    "TrainingError",
    "XldmError",
]


class XldmError(Exception):
    """Base of all errors that xldm raises itself.

    Examples
    --------
    >>> import xldm
    >>> try:
    ...     xldm.load_model("italy-3km")
    ... except xldm.XldmError as error:
    ...     print(type(error).__name__)
    RegistryError
    """


class ArgumentError(XldmError, ValueError):
    """An argument has a value that the function cannot use."""


class ArgumentTypeError(XldmError, TypeError):
    """An argument is of another type than the function takes."""


class ExistsError(XldmError, FileExistsError):
    """Something exists where xldm was asked to write; it is left as it is."""


class MissingPackageError(XldmError, ImportError):
    """A package of one of xldm's extras is not installed; the message says how to install it."""


class ConfigError(XldmError, ValueError):
    """A configuration file cannot be used; the message lists every fault."""


class InputError(XldmError, ValueError):
    """A dataset cannot be used as input; the message lists every fault."""


class AlignmentError(XldmError, ValueError):
    """An alignment cannot be fitted, opened or applied."""


class StoreError(XldmError, ValueError):
    """A store cannot be opened, written or resumed."""


class BatchError(XldmError, ValueError):
    """A training store holds values that must not reach a network."""


class TrainingError(XldmError, ValueError):
    """A training run cannot start, continue or end in a package."""


class PackageError(XldmError, ValueError):
    """A model package is incomplete, altered or unreadable."""


class RegistryError(XldmError, LookupError):
    """There is no model of this name, or it must be imported first."""


class ArchiveError(XldmError, ValueError):
    """An archive cannot be read, or lacks the files that are needed."""


class PublishedError(XldmError, ValueError):
    """Files of the paper's release are not what was published."""


class InputWarning(UserWarning):
    """Something is absent from the input, or was not used, and the output is the worse for it."""


class SyntheticModelWarning(UserWarning):
    """The model in use was trained on synthetic data, not on real fields."""


class OutOfDistributionWarning(UserWarning):
    """Predictors lie outside the distribution that the model was trained on."""
