"""The configuration of a model: frozen, validated dataclasses that read and write YAML.

Every field is checked when it is read, and unknown keys are refused: a typing error in
``model.yaml`` is found at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from .errors import ArgumentError, ConfigError
from .grid_config import GridConfig
from .numerics import sun
from .numerics.samplers import check_sampler
from .plain_yaml import dump_yaml, load_yaml
from .settings import checked, faults_of, written_if_set
from .variable import Variable
from .widths import (
    AutoencoderConfig,
    ConditionerConfig,
    DenoiserConfig,
    Positive,
    RegressionConfig,
)

__all__ = [
    "WIND",
    "AutoencoderConfig",
    "ComponentConfig",
    "ConditionerConfig",
    "DenoiserConfig",
    "DiffusionConfig",
    "GridConfig",
    "ModelConfig",
    "Positive",
    "RegressionConfig",
    "Subset",
    "Variable",
    "from_loaded",
    "from_yaml",
    "load_yaml",
    "to_yaml",
]

SCHEMA: Literal[1] = 1

#: The wind whose speed is scored, by the names of its components among the targets.
WIND = ("u10", "v10")

#: Variables of a kind, or classes of land cover, that a model may have.
MOST = 1000

Spread = Annotated[float, Field(gt=0, le=100)]
Hours = Annotated[float, Field(ge=0.01, le=1e6)]
Share = Annotated[float, Field(ge=0, le=1)]
ComponentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


@checked
class DiffusionConfig:
    """The noise schedule, the sampler to use unless the caller names one, and how noise persists.

    ``persistence`` maps hours between knots to shares of the variance of the noise
    (`xldm.numerics.persistence`); what they leave is independent from time to time.
    """

    timesteps: Annotated[int, Field(ge=2, le=100_000)] = 1000
    beta_start: Share = 1e-4
    beta_end: Share = 2e-2
    sampler: Annotated[str, AfterValidator(check_sampler)] = "ddim"
    steps: Annotated[int, Field(gt=0, le=100_000)] = 100
    persistence: Annotated[dict[Hours, Share], written_if_set({}), Field(max_length=100)] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _shares(self) -> DiffusionConfig:
        if sum(self.persistence.values()) > 1 + 1e-6:
            raise ArgumentError(
                f"persistence has shares of the variance, which add up to 1 at most; got "
                f"{self.persistence}"
            )
        return self


@checked
class ComponentConfig:
    """Targets that share networks; their weights are in ``<name>.safetensors``.

    Networks that are not trained yet are None. Without a denoiser a component gives the
    regression's mean. Without a regression it diffuses the whole field, not a residual. With a
    ``smoothing`` the networks give the departure from the interpolated predictor of each target's
    name only (`xldm.models.coarse_scale`): it is the standard deviation, along y and x in coarse
    cells, of the weights with which a coarse predictor averages the fine field. With
    ``own_transform`` the networks see the predictor of each target's name with the transform and
    scaling of the target (`xldm.models.own_predictors`), as rain needs. With a ``slope_window``, in
    coarse cells, the regression sees how each of these predictors changes with height around a cell
    (`xldm.models.terrain_slopes`).
    """

    name: ComponentName
    targets: Annotated[tuple[Variable, ...], Field(min_length=1, max_length=MOST)]
    regression: RegressionConfig | None = None
    autoencoder: AutoencoderConfig | None = None
    conditioner: ConditionerConfig | None = None
    denoiser: DenoiserConfig | None = None
    diffusion: DiffusionConfig = Field(default_factory=DiffusionConfig)
    smoothing: Annotated[tuple[Spread, Spread] | None, written_if_set(None)] = None
    own_transform: Annotated[bool, written_if_set(False)] = False
    slope_window: Annotated[Spread | None, written_if_set(None)] = None

    @model_validator(mode="after")
    def _usable(self) -> ComponentConfig:
        if (self.conditioner is None) != (self.denoiser is None):
            raise ArgumentError(
                "conditioner and denoiser are trained together: give both or neither"
            )
        if self.denoiser is not None and self.autoencoder is None:
            raise ArgumentError("a denoiser needs the latent of an autoencoder, which is absent")
        if self.smoothing is not None and self.regression is None:
            raise ArgumentError("smoothing constrains the regression's mean, which is absent")
        if self.slope_window is not None and self.smoothing is None:
            raise ArgumentError(
                "slope_window needs smoothing, which says what a coarse cell averages"
            )
        if self.regression is None and self.autoencoder is None:
            raise ArgumentError("there is no network: give a regression or an autoencoder")
        return self

    @property
    def downscales(self) -> bool:
        """Whether the component gives targets: an autoencoder alone does not."""
        return self.regression is not None or self.denoiser is not None

    @property
    def partial(self) -> bool:
        """Whether a network is absent."""
        return None in (self.regression, self.autoencoder, self.denoiser)


@checked
class Subset:
    """Skill of a model without some of its predictors, as it was measured.

    Parameters
    ----------
    absent : tuple of str
        Names of the predictors that were set to their training mean.
    crps : dict of str to float
        Continuous ranked probability score by target, in its units.
    """

    absent: tuple[str, ...]
    crps: dict[str, float]


@checked
class ModelConfig:
    """Everything about a model but its weights: the content of ``model.yaml``.

    ``land_cover`` names the one-hot bands of ``static.nc`` in order. ``files`` maps every other
    file of the package to its sha256, so the hash of ``model.yaml`` stands for the whole package.
    ``provenance`` maps the sources of the weights to their sha256 or a remark. ``required`` names
    predictors that the model needs beside the coarse fields of its targets, ``subsets`` the skill
    without others. Coarse fields are means over a ``footprint`` [m]: ``1 + cos(pi r / footprint)``.
    ``sun`` says whether the networks see the sun (`xldm.numerics.sun`) after the predictors.
    """

    name: str
    title: str
    domain: str
    grid: GridConfig
    predictors: Annotated[tuple[Variable, ...], Field(min_length=1, max_length=MOST)]
    land_cover: Annotated[tuple[str, ...], Field(max_length=MOST)]
    components: Annotated[tuple[ComponentConfig, ...], Field(min_length=1, max_length=100)]
    training_data: str
    licence: str
    citation: str = ""
    warning: str = ""
    provenance: dict[str, str] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    # A package that lacks these keys means their defaults, which are not written either.
    required: Annotated[tuple[str, ...], written_if_set(())] = ()
    subsets: Annotated[tuple[Subset, ...], written_if_set(())] = ()
    footprint: Annotated[float | None, written_if_set(None), Field(gt=0)] = None
    sun: Annotated[bool, written_if_set(False)] = False
    schema_version: Literal[1] = SCHEMA

    @model_validator(mode="after")
    def _unique_names(self) -> ModelConfig:
        for what, names in {
            "predictors": [v.name for v in self.predictors],
            "targets": [v.name for v in self.targets],
            "components": [c.name for c in self.components],
        }.items():
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise ArgumentError(f"{what} named twice: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _predictors_are_known(self) -> ModelConfig:
        said = {*self.required, *(name for subset in self.subsets for name in subset.absent)}
        unknown = sorted(said - {v.name for v in self.predictors})
        if unknown:
            raise ArgumentError(f"required and subsets name no predictors: {', '.join(unknown)}")
        return self

    @property
    def own(self) -> tuple[str, ...]:
        """Targets whose own coarse field is a predictor; without it they are not drawn."""
        coarse = {v.name for v in self.predictors}
        return tuple(v.name for v in self.targets if v.name in coarse)

    @model_validator(mode="after")
    def _intervals_agree(self) -> ModelConfig:
        for kind, variables in {"predictors": self.predictors, "targets": self.targets}.items():
            hours = {v.interval for v in variables if v.over_time != "point"}
            if len(hours | ({1.0} if kind == "predictors" and hours else set())) > 1:
                raise ArgumentError(
                    f"{kind} are sums or means over {', '.join(f'{h:g}' for h in sorted(hours))} "
                    "hours: predictors are hourly, and targets share one interval"
                )
        return self

    @property
    def interval(self) -> float | None:
        """Hours that targets are summed or averaged over; None if all are of a moment."""
        return next((v.interval for v in self.targets if v.over_time != "point"), None)

    @model_validator(mode="after")
    def _latent_on_coarse_grid(self) -> ModelConfig:
        for part in self.components:
            halvings = len(part.autoencoder.channels) if part.autoencoder else None
            if halvings is not None and 2**halvings != self.grid.factor:
                raise ArgumentError(
                    f"the autoencoder of {part.name} halves {halvings} times, so its latent is not "
                    f"on the coarse grid, whose factor is {self.grid.factor}"
                )
        return self

    @property
    def targets(self) -> tuple[Variable, ...]:
        """Targets of all components, in order."""
        return tuple(v for c in self.components for v in c.targets)

    @property
    def coarse_channels(self) -> int:
        """Predictors, and the sun's channels if the networks see them."""
        return len(self.predictors) + (len(sun.CHANNELS) if self.sun else 0)

    @property
    def static_channels(self) -> int:
        """Terrain height, land-cover bands, northing."""
        return len(self.land_cover) + 2


def from_yaml(kind: type, text: str | bytes | Path) -> Any:
    """Read a configuration of the given kind from YAML text or a file.

    Raises
    ------
    ConfigError
        If the YAML cannot be parsed, a key is unknown or missing, or a value is out of range; the
        message names every fault and its place.

    Examples
    --------
    >>> from_yaml(RegressionConfig, "features: [8, 16]")
    RegressionConfig(features=(8, 16))
    >>> from_yaml(RegressionConfig, "featurs: [8, 16]")
    Traceback (most recent call last):
        ...
    xldm.errors.ConfigError: RegressionConfig: featurs: unexpected keyword argument
    """
    if not isinstance(text, Path):
        return from_loaded(kind, load_yaml(text))
    try:
        return from_loaded(kind, load_yaml(text.read_bytes()))
    except ConfigError as error:
        raise ConfigError(f"{text}: {error}") from error


def from_loaded(kind: type, content: Any) -> Any:
    """Return a configuration of the given kind from loaded YAML.

    Raises
    ------
    ConfigError
        As `from_yaml`.
    """
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        raise ConfigError(faults_of(kind, error)) from error


def to_yaml(config: Any) -> str:
    """Write a configuration as YAML that :func:`from_yaml` reads back to an equal object.

    Examples
    --------
    >>> print(to_yaml(RegressionConfig((8, 16))), end="")
    features: [8, 16]
    """
    return dump_yaml(TypeAdapter(type(config)).dump_python(config, mode="json"))
