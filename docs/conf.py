"""Sphinx configuration."""

import hashlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import moire

ROOT = Path(__file__).parents[1]
os.environ.pop("MPLBACKEND", None)  # executed pages show their figures by the backend of Jupyter
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # their cells may call moire
os.environ["PYTHONPATH"] = str(ROOT)  # and import this checkout
os.environ["MATPLOTLIBRC"] = str(ROOT / "moire" / "plot" / "moire.mplstyle")  # and draw in the style of the package

project = "moire"
author = "The moire developers"
copyright = "2026, the moire developers"
release = version = "" if moire.__version__ == "unknown" else moire.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "extension",
]
exclude_patterns = ["_build", "*.py"]
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_search_scorer = str(Path(__file__).with_name("_static") / "scorer.js")
html_theme = "furo"
html_title = f"moire {release}".strip()
default_role = "code"
math_eqref_format = "Eq. ({number})"
suppress_warnings = ["ref.python"]  # a word in a docstring that is also an attribute of two classes
nitpicky = True
nitpick_ignore_regex = [  # links to public names of this package must lead somewhere
    ("py:.*", r"(?!moire\.).*"),
    ("py:class", r"moire\.\w+\.\w+\..*"),
    ("py:class", r"moire\.ranks\.Result"),  # a type variable
    ("py:mod", r"moire\.\w+\.\w+"),
]

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3


def sources() -> str:
    """Digest of the package and of what pages read, so that stored outputs are never those of other code."""
    digest = hashlib.sha256()
    for path in sorted([*ROOT.glob("moire/**/*.py"), *ROOT.glob("data/*/hartree_fock*"), *ROOT.glob("data/**/*.h5")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "docs" / "_build" / ".executed" / sources())
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_output_stderr = "remove-warn"  # a warning of the code is one of the build, which fails
nb_merge_streams = True
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

napoleon_google_docstring = False
napoleon_custom_sections = [("Warns", "params_style")]
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_type_aliases = {
    name: name for name in ("ArrayLike", "ComplexArray", "FillingLike", "FloatArray", "IntArray", "Values")
}
