"""The page of a results folder: what it holds, and what a browser makes of it."""

import base64
import gzip
import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from moire.cli import cli
from moire.errors import InputError, OutputError
from moire.io import Dataset, Record, read_record
from moire.parameters import WANG_2023
from moire.report.html_page import html_page, write_page
from moire.report.page_data import page_data
from moire.report.panels import MAX_MAP, _coarse, numbers
from moire.sweep import BandsTask, ChernTask, EdTask, HfTask, ModelPoint, Request, ResultsFolder
from moire.tasks.compute import compute
from tests.stored_points import record_of, request_at, store

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SPECTRUM = EdTask(cluster=(2, 3), filling="-2/3", n_eigenstates=2, q_cutoff=2)
STATE = HfTask(filling="-2", mesh=(3, 3), epsilon_r=(20, 10), n_bands=1, n_random=1, q_cutoff=2)
TASKS = (BandsTask(mesh=(3, 3), points_per_segment=3), ChernTask(mesh=(6, 6), bands=((0,),)), SPECTRUM, STATE)
HOSTILE = "</script><script>document.title='taken'</script>\x1b[2J"


def unpacked(text):
    return json.loads(gzip.decompress(base64.b64decode(text)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four tasks at one point, and a point that failed."""
    folder = ResultsFolder(tmp_path_factory.mktemp("page") / "sweep & <b>")
    folder.open_for_writing()
    point = ModelPoint(parameters=WANG_2023, twist_deg=3.7, plane_wave_shells=3)
    for task in TASKS:
        request = Request(point=point, task=task)
        folder.write(request, compute(request).record)
    failed = request_at(4.0)
    attributes = {"request": failed.canonical(), "key": failed.key, "title": HOSTILE, "error": HOSTILE}
    folder.write(failed, Record("failure", {}, attributes))
    return folder


@pytest.fixture(scope="module")
def data(folder):
    return page_data(folder)


def test_every_task_has_its_columns_and_panels(folder, data):
    assert [table["task"] for table in data["tables"]] == ["bands", "chern", "hf", "ed"]
    kinds = {
        table["task"]: [panel["kind"] for panel in unpacked(data["points"][table["files"][0]])["panels"]]
        for table in data["tables"]
    }
    assert kinds["bands"] == ["lines"]
    assert kinds["chern"] == ["map"]
    assert kinds["ed"] == ["levels"]
    assert kinds["hf"].count("table") == 2  # one for each dielectric constant
    assert len(data["tables"][2]["files"]) == 2


def test_panels_hold_the_numbers_of_the_file(folder, data):
    (table,) = [table for table in data["tables"] if table["task"] == "ed"]
    levels = unpacked(data["points"][table["files"][0]])["panels"][0]
    stored = read_record(folder.points / table["files"][0])["spectrum/energies"]
    np.testing.assert_allclose(np.array(levels["y"], float), stored - np.nanmin(stored), rtol=1e-4, atol=1e-7)
    assert levels["y"][0][0] is not None
    (chern,) = [table for table in data["tables"] if table["task"] == "chern"]
    flux = unpacked(data["points"][chern["files"][0]])["panels"][0]
    assert np.mean(flux["values"]) == pytest.approx(-1, abs=0.01)  # its mean is the Chern number


def test_failures_are_listed_with_their_errors(data):
    assert [failure[:2] for failure in data["failures"]] == [[HOSTILE, HOSTILE]]


def test_a_damaged_file_is_a_failure_and_no_point(tmp_path):
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    store(folder, request_at(3.5))
    store(folder, request_at(3.6)).write_bytes(b"x")
    found = page_data(folder)
    assert len(found["points"]) == 1
    assert "damaged" in found["failures"][0][1]


def test_columns_may_be_missing_and_values_unknown(tmp_path):
    folder = ResultsFolder(tmp_path / "results")
    folder.open_for_writing()
    store(folder, request_at(3.5))
    other = request_at(3.6)
    store(folder, other, record_of(other, gap=Dataset(float("nan"), "meV", (), "a gap")))
    (table,) = page_data(folder)["tables"]
    columns = {column["name"]: column["values"] for column in table["columns"]}
    assert columns["gap"] == [None, None]
    assert columns["theta"] == [3.5, 3.6]


def test_the_page_is_one_file_without_network_or_foreign_script(data):
    page = html_page(data)
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=[\"']?(?!#)[^\"'>]*//|@import|url\(\s*[\"']?http", page)
    assert HOSTILE not in page
    text = page.split('id="data">')[1].split("</script>")[0]
    assert json.loads(text)["failures"] == data["failures"]


def test_maps_are_averaged_over_equal_blocks():
    values = np.arange(100.0 * 60).reshape(100, 60)
    coarse, note = _coarse(values)
    assert max(coarse.shape) <= MAX_MAP
    assert coarse.mean() == pytest.approx(values.mean())
    assert note == ", means of 4 x 2"
    assert _coarse(values[:5, :7])[1] == ""


def test_numbers_that_are_not_finite_are_none():
    assert numbers(np.array([[1.23456789, np.nan], [np.inf, 0.0]]), 3) == [[1.23, None], [None, 0.0]]


def test_the_command(folder, tmp_path, capsys):
    cli.main(["report", str(folder.path)], standalone_mode=False)
    assert "Report: " in capsys.readouterr().out
    assert (folder.path / "report.html").is_file()
    folder.open_for_writing()  # the page does not make the folder a foreign one
    with pytest.raises(InputError, match=r"`--output` must end in \.html, but is "):
        cli.main(["report", str(folder.path), "--output", str(tmp_path / "page.pdf")], standalone_mode=False)
    with pytest.raises(InputError, match="`folder` must be a results folder"):
        cli.main(["report", str(tmp_path / "absent")], standalone_mode=False)


def test_a_page_that_cannot_be_written_is_one_sentence(data, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="must"):
        write_page(tmp_path / "file" / "page.html", data)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize(
    ("task", "expected"),
    [("bands", "<path"), ("chern", "matrix("), ("ed", "<circle"), ("hf", "states found, the lowest first")],
)
def test_a_browser_draws_the_chosen_point(data, tmp_path, task, expected):
    page = write_page(tmp_path / "page.html", data)
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]
    done = subprocess.run(
        [*command, f"--user-data-dir={tmp_path / 'profile'}", f"{page.as_uri()}#task={task}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    drawn = html.unescape(done.stdout.split("<main>")[1].split("</main>")[0])
    point = drawn.split('id="point"')[1]
    assert f"<h2>{task} at 3.7 deg" in point
    assert expected in point
    assert "Failures (1)" in drawn
    assert "<title>sweep &amp; &lt;b&gt;: moire report</title>" in done.stdout  # the title of a point ran no script
