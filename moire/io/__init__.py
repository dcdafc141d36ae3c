"""Results on disk: HDF5 files with units, dims and provenance, readable with h5py alone."""

from typing import TYPE_CHECKING

from moire._lazy import lazy_names

if TYPE_CHECKING:
    from moire.io.bands import bands_record, chern_record, read_bands, read_chern
    from moire.io.exports import (
        read_diagham,
        read_fcidump,
        write_diagham,
        write_fcidump,
    )
    from moire.io.fci import fci_record, read_fci
    from moire.io.grids import read_lattice
    from moire.io.hartree_fock import StoredMeanField, hartree_fock_record, read_hartree_fock
    from moire.io.hdf5 import (
        SCHEMA,
        Dataset,
        FileStatus,
        Record,
        check_folder,
        check_schema,
        check_target,
        file_status,
        read_record,
        write_record,
    )
    from moire.io.pair_elements import hamiltonian_record, read_hamiltonian
    from moire.io.provenance import provenance
    from moire.io.spectrum import read_spectrum, spectrum_record
    from moire.io.topology import StoredTopology, read_metric_trace, read_topology, read_wilson, topology_record
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "moire.io.exports": "read_diagham read_fcidump write_diagham write_fcidump",
            "moire.io.fci": "fci_record read_fci",
            "moire.io.grids": "read_lattice",
            "moire.io.hartree_fock": "StoredMeanField hartree_fock_record read_hartree_fock",
            "moire.io.hdf5": "SCHEMA Dataset FileStatus Record check_folder "
            "check_schema check_target file_status read_record write_record",
            "moire.io.pair_elements": "hamiltonian_record read_hamiltonian",
            "moire.io.provenance": "provenance",
            "moire.io.bands": "bands_record chern_record read_bands read_chern",
            "moire.io.spectrum": "read_spectrum spectrum_record",
            "moire.io.topology": "StoredTopology read_metric_trace read_topology read_wilson topology_record",
        },
    )

__all__ = [
    "SCHEMA",
    "Dataset",
    "FileStatus",
    "Record",
    "StoredMeanField",
    "StoredTopology",
    "bands_record",
    "check_folder",
    "check_schema",
    "check_target",
    "chern_record",
    "fci_record",
    "file_status",
    "hamiltonian_record",
    "hartree_fock_record",
    "provenance",
    "read_bands",
    "read_chern",
    "read_diagham",
    "read_fci",
    "read_fcidump",
    "read_hamiltonian",
    "read_hartree_fock",
    "read_lattice",
    "read_metric_trace",
    "read_record",
    "read_spectrum",
    "read_topology",
    "read_wilson",
    "spectrum_record",
    "topology_record",
    "write_diagham",
    "write_fcidump",
    "write_record",
]
