"""The card of a model, its description and provenance: as text, Markdown and HTML."""

from __future__ import annotations

import html as _html
from collections.abc import Sequence

from ..config import ComponentConfig, ModelConfig, Subset, Variable

__all__ = ["html", "markdown", "text"]


def text(config: ModelConfig, sha256: str = "", parameters: int | None = None) -> str:
    """Return the card for a terminal, the model's warning first.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.
    sha256 : str
        Hash of the package; empty for a model that was never written.
    parameters : int, optional
        Number of weights.
    """
    rows = _rows(config, sha256, parameters)
    width = max(len(label) for label, _ in rows)
    head = [config.warning, ""] if config.warning else []
    return "\n".join([*head, config.title, *(f"  {a:<{width}}  {b}" for a, b in rows)])


def markdown(config: ModelConfig, parameters: int | None = None) -> str:
    """Return the card as the ``README.md`` of a package, without the hash that depends on it.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.
    parameters : int, optional
        Number of weights.
    """
    head = [f"**{config.warning}**", ""] if config.warning else []
    rows = [f"| {a} | {_cell(b)} |" for a, b in _rows(config, "", parameters)]
    return "\n".join([*head, f"# {config.title}", "", "| | |", "| --- | --- |", *rows, ""])


def html(config: ModelConfig, sha256: str = "", parameters: int | None = None) -> str:
    """Return the card for a notebook, with every value escaped.

    Parameters
    ----------
    config : ModelConfig
        Configuration of the model.
    sha256 : str
        Hash of the package; empty for a model that was never written.
    parameters : int, optional
        Number of weights.
    """
    rows = "".join(
        f"<tr><th style='text-align:left;vertical-align:top'>{_html.escape(a)}</th>"
        f"<td style='text-align:left'>{_html.escape(b)}</td></tr>"
        for a, b in _rows(config, sha256, parameters)
    )
    warning = f"<p><strong>{_html.escape(config.warning)}</strong></p>" if config.warning else ""
    return f"<div>{warning}<p><b>{_html.escape(config.title)}</b></p><table>{rows}</table></div>"


def _rows(config: ModelConfig, sha256: str, parameters: int | None) -> list[tuple[str, str]]:
    (h, w), (rows, columns) = config.grid.shape, config.grid.fine_shape
    fine = config.grid.spacing / config.grid.factor / 1000
    facts = {
        "name": config.name,
        "domain": config.domain,
        "grid": f"{config.grid.crs}, {config.grid.spacing / 1000:g} km ({h} x {w}) to {fine:g} km "
        f"({rows} x {columns})",
        "targets": _variables(config.targets),
        "predictors": _variables(config.predictors),
        "cannot do without": ", ".join(dict.fromkeys((*config.required, *config.own))),
        "CRPS without": "; ".join(_subset(s) for s in config.subsets),
        "components": ", ".join(c.name for c in config.components),
        "networks": "; ".join(_networks(c) for c in config.components if c.partial),
        "parameters": f"{parameters:,}" if parameters is not None else "",
        "training data": config.training_data,
        "licence": config.licence,
        "citation": config.citation,
        "made from": ", ".join(config.provenance),
        "sha256": sha256,
    }
    return [(label, value) for label, value in facts.items() if value]


def _subset(subset: Subset) -> str:
    scores = ", ".join(f"{name} {score:#.2g}" for name, score in subset.crps.items())
    return f"{', '.join(subset.absent) or 'nothing'}: {scores}"


def _networks(part: ComponentConfig) -> str:
    """Describe a component that lacks some of its networks."""
    there = [n for n in ("regression", "autoencoder", "denoiser") if getattr(part, n) is not None]
    alone = ", gives the mean only" if part.regression else ", cannot downscale yet"
    return f"{part.name}: {' and '.join(there)}{'' if part.denoiser else alone}"


def _variables(variables: Sequence[Variable]) -> str:
    return ", ".join(f"{v.name} [{v.units}]" for v in variables)


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")
