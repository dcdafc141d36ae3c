"""BibTeX entries of the papers whose parameters the package holds, and of the package."""

from __future__ import annotations

from types import MappingProxyType

_PAPERS = {
    "1807.03311": (
        "Wu, Fengcheng and Lovorn, Timothy and Tutuc, Emanuel and Martin, Ivar and MacDonald, A. H.",
        "Topological insulators in twisted transition metal dichalcogenide homobilayers",
    ),
    "2106.11954": (
        r"Devakul, Trithep and Cr\'epel, Valentin and Zhang, Yang and Fu, Liang",
        "Magic in twisted transition metal dichalcogenide bilayers",
    ),
    "2304.11864": (
        "Wang, Chong and Zhang, Xiao-Wei and Liu, Xiaoyu and He, Yuchi and Xu, Xiaodong and Ran, Ying and Cao, Ting "
        "and Xiao, Di",
        "Fractional {Chern} insulator in twisted bilayer {MoTe$_2$}",
    ),
    "2304.12261": (
        "Reddy, Aidan P. and Alsallom, Faisal F. and Zhang, Yang and Devakul, Trithep and Fu, Liang",
        "Fractional quantum anomalous {Hall} states in twisted bilayer {MoTe$_2$} and {WSe$_2$}",
    ),
    "2311.04958": (
        "Jia, Yujin and Yu, Jiabin and Liu, Jiaxuan and Herzog-Arbeitman, Jonah and Qi, Ziyue and Pi, Hanqi and "
        "Regnault, Nicolas and Weng, Hongming and Bernevig, B. Andrei and Wu, Quansheng",
        r"Moir\'e fractional {Chern} insulators. {I}. First-principles calculations and continuum models of twisted "
        "bilayer {MoTe$_2$}",
    ),
    "2403.17003": (
        "Xu, Cheng and Mao, Ning and Zeng, Tiansheng and Zhang, Yang",
        "Multiple {Chern} bands in twisted {MoTe$_2$} and possible non-{Abelian} states",
    ),
}

PAPERS = MappingProxyType(_PAPERS)
"""Authors and title of each paper by its arXiv number."""


def bibtex_of_paper(reference: str, name: str) -> str:
    """BibTeX entry of a reference such as ``arXiv:2304.11864``; one that is not known becomes the note of an entry.

    Parameters
    ----------
    reference
        Publication, as parameter sets hold it.
    name
        What the entry is about; key of an entry that is not known.
    """
    number = reference.removeprefix("arXiv:")
    if number not in PAPERS:
        return _entry("".join(filter(str.isalnum, name)) or "unnamed", title=name, note=reference)
    authors, title = PAPERS[number]
    year = f"20{number[:2]}"
    key = authors.partition(",")[0] + year
    return _entry(key, author=authors, title=title, year=year, eprint=number, archivePrefix="arXiv")


def bibtex_of_package(version: str) -> str:
    """BibTeX entry of this package."""
    title = "{moire}: twisted bilayer {MoTe$_2$} from the continuum model to fractional {Chern} insulators"
    return _entry("moire", author="{The moire developers}", title=title, note=f"Version {version}, BSD-3-Clause")


def _entry(key: str, **fields: str) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@misc{{{key},", *lines, "}"])
