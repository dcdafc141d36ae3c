"""Verdicts: an answer and its reason."""

from __future__ import annotations

from dataclasses import dataclass

from moire._shown import Shown


@dataclass(frozen=True)
class Verdict(Shown):
    """Answer to a question, with the reason.

    The answer chooses the head of the sentence, so that the two cannot disagree.

    Parameters
    ----------
    answer
        True, False, or None if the numbers do not decide.
    reason
        The numbers, without a full stop.
    yes, no
        Head of the sentence for the answers True and False.
    """

    answer: bool | None
    reason: str
    yes: str = "Yes"
    no: str = "No"

    @property
    def head(self) -> str:
        """First words of the sentence: `yes`, `no`, or ``"Undecided"``."""
        return {True: self.yes, False: self.no, None: "Undecided"}[self.answer]

    @property
    def sentence(self) -> str:
        """Answer and reason in one sentence."""
        return f"{self.head}: {self.reason}."

    def __str__(self) -> str:
        return self.sentence
