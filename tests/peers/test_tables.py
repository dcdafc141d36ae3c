"""Results as pandas, xarray and Parquet read them."""

import numpy as np
import pytest

from moire.exact_diagonalization import suggest_clusters
from moire.io import Dataset
from moire.sweep import TaskArrays, write_table
from moire.sweep.collect import Summary, Table
from tests.message_cases import WANG, spectrum

pd = pytest.importorskip("pandas", reason="the extra `tables` is not installed")
xr = pytest.importorskip("xarray", reason="the extra `tables` is not installed")
pytest.importorskip("pyarrow", reason="the extra `tables` is not installed")
pytestmark = pytest.mark.peers
COLUMNS = {
    "theta": Dataset(np.array([3.0, 4.0, 3.0]), "deg", ("point",), "twist angle"),
    "D": Dataset(np.array([0.0, 0.0, 1.0]), "meV", ("point",), "displacement field"),
    "phase": Dataset(np.array(["QAH", "metal", "AFMz"]), "", ("point",), "phase"),
    "gap": Dataset(np.array([1.5, np.nan, 3.0]), "meV", ("point",), "charge gap"),
}


def test_xarray_selects_by_coordinate():
    data = TaskArrays("hf", Table(COLUMNS)).to_xarray()
    assert isinstance(data, xr.Dataset)
    assert data.gap.sel(theta=3, D=1) == 3.0
    assert data.gap.attrs == {"units": "meV", "long_name": "charge gap"}
    assert data.phase.sel(theta=4, D=1) == ""


def test_pandas_and_parquet_hold_the_rows(tmp_path):
    table = Table(COLUMNS)
    frame = pd.DataFrame(TaskArrays("hf", table).rows())
    assert frame.set_index(["theta", "D"]).gap[3.0, 1.0] == 3.0
    read = pd.read_parquet(write_table(tmp_path / "hf.parquet", Summary({"hf": table}, ())))
    pd.testing.assert_frame_equal(read, frame, check_dtype=False)
    text = pd.read_csv(write_table(tmp_path / "hf.csv", Summary({"hf": table}, ())))
    np.testing.assert_array_equal(text["gap (meV)"], table["gap"])


def test_results_become_data_frames_with_units():
    solved = spectrum("1/3", n_eigenstates=2)
    frame = solved.to_dataframe()
    assert list(frame.index.names) == ["sector", "level"]
    np.testing.assert_array_equal(frame["energies"].unstack(), solved.energies)
    np.testing.assert_array_equal(frame["momenta_1"].xs(0, level="level"), solved.momenta[:, 1])
    assert frame.attrs["units"]["energies"] == "meV"
    data = solved.to_xarray()
    assert data.energies.dims == ("sector", "level")
    assert data.energies.attrs["units"] == "meV"
    assert WANG.to_dataframe()["potential_mev"].tolist() == [20.8]
    clusters = suggest_clusters("1/3", 9).to_dataframe()
    assert len(clusters) > 1
    assert "n_carriers" in clusters


def test_tables_and_summaries_become_data_frames():
    summary = Summary({"hf": Table(COLUMNS)}, ())
    assert summary.to_dataframe().equals(summary["hf"].to_dataframe())
    assert summary.to_dataframe().attrs["units"] == {"theta": "deg", "D": "meV", "phase": "", "gap": "meV"}
    assert summary.to_xarray().gap.attrs["units"] == "meV"
    assert TaskArrays("hf", Table(COLUMNS)).to_dataframe().shape == (3, 4)
