"""The template of a report: macros of ``page.html.jinja``, which escape every value."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

__all__ = ["render"]

_environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)


def render(macro: str, **values: object) -> Markup:
    """Render a macro of the template.

    Parameters
    ----------
    macro : {"table", "figure", "facts", "made", "page"}
    **values
        Its arguments. Text is escaped, `Markup` from another macro is not.

    Returns
    -------
    Markup

    Examples
    --------
    >>> render("facts", pairs=[("grid", "8 < 9")])
    Markup('<dl><dt>grid</dt><dd>8 &lt; 9</dd></dl>')
    """
    module = _environment.get_template("page.html.jinja").module
    return Markup(getattr(module, macro)(**values))
