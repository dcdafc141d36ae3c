"""Band inversions and magic angles of the published parameter sets, each with the published number.

python scripts/transitions.py
"""

import moire as mo
from moire.topology import displacement_family, find_inversion, find_magic_angle, twist_family

CLOSINGS = {3.89: 24, 3.5: 16, 3.0: 8}
MAGIC = {"WANG_2023": (2.98, (2.6, 3.4)), "REDDY_2023": (1.56, (1.3, 1.9)), "WU_2019": (1.36, (1.1, 1.7)),
         "DEVAKUL_2021": (1.43, (1.2, 1.7))}  # fmt: skip


def main() -> None:
    """Print one line per transition."""
    wang = mo.parameters.WANG_2023
    for twist_deg, printed in CLOSINGS.items():
        print(f"{twist_deg} deg, printed {printed} meV:", find_inversion(
            displacement_family(wang, twist_deg), (1.0, 40.0), 0, "kappa_-"))  # fmt: skip
    print("bands 2-3, printed 4.94 deg:", find_inversion(twist_family(wang), (4.5, 5.3), 1, "gamma"))
    for name, (printed, bracket) in MAGIC.items():
        print(f"{name}, printed {printed} deg:", find_magic_angle(mo.parameters.published(name), bracket))


if __name__ == "__main__":
    main()
