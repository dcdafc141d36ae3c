"""Names of mean-field phases as a function of order parameters and Chern numbers."""

from __future__ import annotations

from dataclasses import dataclass

RULE = (
    "empty without carriers; metal: the filled states (of a valley, without order between valleys) differ in number "
    "among momenta or the gap is below {gap:g} meV; then by the first that holds: intervalley coherence above "
    "{order:g} at several wave vectors (none with 90 % of it): multi-Q IVC; at one that is not zero: 120-degree AFM if "
    "it is +-(kappa_+ - kappa_-), else spiral IVC; order within the valleys at a wave vector of the enlarged cell above"
    " {order:g}: SDW if the charge modulation is below {order:g}, else CDW if C3 keeps the weights of all wave "
    "vectors (to 10 % of the largest), else stripe; intervalley coherence above {order:g}: AFMxy if the in-plane "
    "moments of the layers are opposite (cos 3 angle < 0) and C = 0, else IVC; |valley polarisation| above "
    "{order:g}: QAH if C != 0, else VP; |staggered out-of-plane moment| above {order:g} per carrier, or C_K + C_K' != "
    "0, which time reversal forbids: AFMz; then non-magnetic: QSH if C_K = -C_K' is odd, else BI; insulator: the mesh "
    "is too coarse for a Chern number that decides"
)


@dataclass(frozen=True, kw_only=True)
class Invariants:
    """Numbers that determine the name of an insulator with the moire translations.

    Parameters
    ----------
    coherence
        Intervalley order, 0 to 1.
    staggering
        cos 3 (angle between the in-plane moments of the layers); negative if they are opposite.
    valley_polarisation
        (carriers in K - carriers in K') / carriers.
    staggered_moment
        Out-of-plane moment of the bottom layer minus that of the top layer, per carrier.
    chern
        Total Chern number; None where the mesh is too coarse for it.
    valley_chern
        Chern number of each valley, 0 for an empty one, None where the mesh is too coarse; one entry for one valley.
        Not used with intervalley order.
    """

    coherence: float
    staggering: float
    valley_polarisation: float
    staggered_moment: float
    chern: int | None
    valley_chern: tuple[int | None, ...]


def name_phase(invariants: Invariants, order_threshold: float) -> str:
    """Name of an insulator with the moire translations, by the last part of ``RULE``.

    An unknown Chern number is never taken as zero. Time reversal requires C_K = -C_K': the sum of the
    valleys is tested before the parity, so that a state that breaks time reversal is neither QSH nor BI even if
    its staggered moment is below the threshold.
    """
    chern, valleys = invariants.chern, invariants.valley_chern
    if invariants.coherence > order_threshold:
        return "AFMxy" if invariants.staggering < 0 and chern == 0 else "IVC"
    if len(valleys) == 1 or abs(invariants.valley_polarisation) > order_threshold:
        if chern is None:
            return "insulator"
        return "QAH" if chern else "VP"
    if abs(invariants.staggered_moment) > order_threshold:
        return "AFMz"
    known = [valley for valley in valleys if valley is not None]
    complete = len(known) == len(valleys)
    total = sum(known) if complete else chern
    if complete and chern not in (None, total):
        return "insulator"
    if total:
        return "AFMz"
    if not complete:
        return "insulator"
    return "QSH" if known[0] % 2 else "BI"
