"""Options of interaction and cutoffs common to the tasks of interacting carriers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict

from moire.errors import require
from moire.interaction import Gates, ScreenedCoulomb
from moire.projection import ZeroMomentum
from moire.tasks.options import Option
from moire.tasks.values import Values


@dataclass(frozen=True, kw_only=True)
class ProjectionOptions:
    """V_ll'(q) except the dielectric constant, its cutoff and the rule for q = 0."""

    gates: Annotated[Gates, Option("metallic gates")] = "dual"
    gate_distance_nm: Annotated[float, Option("distance to a gate", "nm")] = 30.0
    layer_distance_nm: Annotated[float, Option("distance of the layers; 0 is layer-blind", "nm")] = 0.0
    q_cutoff: Annotated[float, Option("largest momentum transfer", "|G_1|", at_most=100)] = 4.0
    zero_momentum: Annotated[ZeroMomentum, Option("[treatment of V(q = 0)](theory/projection.md#q-0)")] = "drop"

    def interaction(self, epsilon_r: float) -> ScreenedCoulomb:
        """The Coulomb interaction at one dielectric constant."""
        return ScreenedCoulomb(
            epsilon_r=epsilon_r,
            gate_distance_nm=self.gate_distance_nm,
            layer_distance_nm=self.layer_distance_nm,
            gates=self.gates,
        )

    def check_projection(self, epsilon_r: float) -> None:
        """Raise InputError if the options contradict each other."""
        require(self.q_cutoff > 0, "q_cutoff", "be positive (in units of |G_1|)", self.q_cutoff)
        interaction = self.interaction(epsilon_r)
        require(
            not (self.zero_momentum != "drop" and interaction.diverges_at_zero),
            "zero_momentum",
            "be 'drop' without gates, where V(0) diverges",
            f"'{self.zero_momentum}'",
        )


@dataclass(frozen=True, kw_only=True)
class InteractionTable(ProjectionOptions):
    """The Coulomb interaction of the tasks ``ed`` and ``fci``: a table of a plan."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    epsilon_r: Annotated[Values, Option("relative dielectric constants")] = (10.0,)
