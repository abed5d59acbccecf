"""How the documentation is built: `make docs`."""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "nas"
release = version = metadata.version("reuse-nas")
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "model_reference",
]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_title = f"nas {release}"
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
napoleon_google_docstring = True
# Pages link to model files and programs of the repository.
suppress_warnings = ["myst.xref_missing"]
