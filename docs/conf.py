"""Configuration of the documentation site; ``make docs`` builds it."""

from __future__ import annotations

import warnings

import xldm

project = "xldm"
author = "The xldm developers"
copyright = author
release = version = xldm.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxarg.ext",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

# Pages
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Notebooks are executed anew whenever their code has changed; an error in one stops the build.
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_execution_timeout = 900
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True

# Reference
autosummary_generate = True
autosummary_imported_members = False
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings state types, dims and units
# The recipes' environment alone has these.
autodoc_mock_imports = ["apache_beam", "pangeo_forge_recipes"]
numpydoc_show_class_members = False
# Every name of xldm that a page links must exist; those of other libraries are not looked up.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(?!xldm\.).*"),
    (r"py:class", r"xldm\.(catalog\.source\.Source|training\.(phases\.Phase|stages\.LatentPhase))"),
    (
        r"py:(data|mod)",
        r"xldm\.(vocabulary\.VOCABULARY|numerics\.(scaling|transforms\.TRANSFORMS|dry\.dithered))",
    ),
]
suppress_warnings = ["myst.domains"]  # sphinx-argparse's domain resolves no `any` links

# Looks
html_theme = "pydata_sphinx_theme"
html_title = "xldm"
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "show_prev_next": True,
}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

warnings.filterwarnings("ignore", category=xldm.SyntheticModelWarning)
