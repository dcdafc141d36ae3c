"""An answer and its sentence, from one decision."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """Answer to a question with the sentence that states it.

    The head of the sentence is chosen by the answer, so that the two cannot disagree.

    Parameters
    ----------
    answer
        True, False, or None where the numbers do not decide.
    reason
        The numbers, without a full stop.
    yes, no
        Head of the sentence where the answer is True and where it is False.
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
        """One sentence: what was decided, and why."""
        return f"{self.head}: {self.reason}."

    def __str__(self) -> str:
        return self.sentence
