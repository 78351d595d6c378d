import csv
import json
import re
import shutil
import subprocess

import pytest

from rar_gluon.common import InputError
from rar_gluon.evaluation.otb.score import NUMBERS, score_otb
from rar_gluon.report.otb import make_report

NAMES = ["Man", "Dog", "Crossing"]


@pytest.fixture(scope="module")
def report(made_up, tmp_path_factory):
    """Folder of a report of two folders of results with pictures, and the scores it returned."""
    output = tmp_path_factory.mktemp("report") / "report"
    results = [made_up / "results", made_up / "more" / "good"]
    scores = make_report(results, made_up / "otb", output, sequences=NAMES, images=made_up / "otb", strips=["Man"])
    return output, scores


@pytest.fixture(scope="module")
def expected(made_up):
    return {
        name: score_otb(made_up / folder, made_up / "otb", sequences=NAMES).trackers[name]
        for folder, name in (("more", "good"), ("results", "SiamFC-3s"))
    }


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def page_data(output):
    text = (output / "report.html").read_text()
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL).group(1))


def test_everything_is_written_and_nothing_else(report):
    output, scores = report
    pictures = ["success", "precision", "norm_precision", "strips", "failures"]
    pictures += [f"attributes_{name}" for name in pictures[:3]]
    tables = ["scores", "speed", "failures"] + [
        f"{what}_{number}" for what in ("attributes", "sequences") for number in ("auc", "dp")
    ]
    files = {f"{name}.{suffix}" for name in pictures for suffix in ("png", "pdf")}
    files |= {f"{name}.csv" for name in tables} | {"report.md", "report.html"}
    assert {path.name for path in output.iterdir()} == files
    assert list(scores.trackers) == ["good", "SiamFC-3s"], "best first"


def test_csv_has_every_digit_of_the_scores(report, expected):
    output, _ = report
    rows = {row["tracker"]: row for row in read_csv(output / "scores.csv")}
    for name, score in expected.items():
        assert {head: float(rows[name][head]) for head in NUMBERS.values()} == {
            head: getattr(score.overall, number) for number, head in NUMBERS.items()
        }
        assert rows[name]["protocol"] == "matlab"
        for number in ("auc", "dp"):
            sequences = {row["sequence"]: float(row[name]) for row in read_csv(output / f"sequences_{number}.csv")}
            assert sequences == {key: getattr(value, number) for key, value in score.sequences.items()}
            attributes = {
                row["attribute"].split()[0]: float(row[name]) for row in read_csv(output / f"attributes_{number}.csv")
            }
            assert attributes == {key: getattr(value, number) for key, value in score.attributes.items()}


def test_markdown_has_the_scores_and_links_what_is_there(report, expected):
    output, _ = report
    text = (output / "report.md").read_text()
    for name, score in expected.items():
        numbers = " | ".join(f"{getattr(score.overall, number):.3f}" for number in NUMBERS)
        assert f"| {name} | 3 | {numbers} |" in text
    for sequence in NAMES:
        numbers = " | ".join(f"{expected[name].sequences[sequence].auc:.3f}" for name in ("good", "SiamFC-3s"))
        assert re.search(rf"\| {sequence} \| [A-Z ]+ \| {re.escape(numbers)} \|", text)
    assert all((output / link).is_file() for link in re.findall(r"\]\((.*?)\)", text))
    assert "protocol 'matlab'" in text and "a part of it" in text


def test_page_has_the_scores(report, expected):
    data = page_data(report[0])
    assert data["protocol"]["name"] == "matlab"
    assert [tracker["name"] for tracker in data["trackers"]] == ["good", "SiamFC-3s"]
    for tracker in data["trackers"]:
        score = expected[tracker["name"]]
        for key, value in {"all": score.overall, **score.attributes}.items():
            group = tracker["groups"][key]
            assert group["numbers"] == {number: getattr(value, number) for number in NUMBERS}
            assert group["curves"]["success"] == pytest.approx(value.success, abs=1e-5)
            assert group["curves"]["precision"] == pytest.approx(value.precision, abs=1e-5)
        assert {key: numbers["auc"] for key, numbers in tracker["sequences"].items()} == {
            key: value.auc for key, value in score.sequences.items()
        }
    assert [group["label"] for group in data["groups"]][:2] == ["all sequences (3)", "IV: illumination variation (1)"]
    assert len(data["pictures"]) == 2 and data["pictures"][0]["source"].startswith("data:image/jpeg;base64,")


def test_page_needs_nothing_from_elsewhere(report):
    text = (report[0] / "report.html").read_text()
    assert "@DATA@" not in text and "@TITLE@" not in text
    addresses = set(re.findall(r"https?://[^\s\"']+", text)) - {"http://www.w3.org/2000/svg"}
    assert not addresses and "<link" not in text and not re.search(r"<script[^>]+src=", text)


def test_speed_and_failures(report):
    good = next(row for row in read_csv(report[0] / "speed.csv") if row["tracker"] == "good")
    frames = 134 + 127 + 120
    assert float(good["frames/s"]) == pytest.approx(frames / (3 * 0.5 + 0.01 * (frames - 3)))
    assert (good["frames"], good["sequences"], good["machine"]) == (str(frames), "3", "Made-up CPU, 2 cores")
    worst = read_csv(report[0] / "failures.csv")[0]  # of the first tracker of the first folder
    assert (worst["sequence"], worst["frames of zero overlap"], worst["from image"]) == ("Dog", "20", "41")


def test_refused_input_leaves_no_file(made_up, tmp_path):
    output = tmp_path / "report"
    arguments = {"annotations": made_up / "otb", "output": output, "sequences": NAMES}
    for message, results, changes in (
        ("are both of 'good'", [made_up / "more", made_up / "more" / "good"], {}),
        ("needs a folder of results", [], {}),
        ("'better' is none of the trackers: choose one of good", [made_up / "more"], {"tracker": "better"}),
        ("images of none of the scored", [made_up / "more"], {"images": made_up}),
        ("Woman is not scored", [made_up / "more"], {"images": made_up / "otb", "strips": ["Woman"]}),
        ("lacks the boxes of 1 of 1", [made_up / "more"], {"sequences": ["Woman"]}),
        (r"table2\.csv cannot be read", [made_up / "more"], {"published": made_up}),
        ("is no protocol", [made_up / "more"], {"protocol": "mine"}),
    ):
        with pytest.raises(InputError, match=message):
            make_report(results, **{**arguments, **changes})
    assert not output.exists()
    output.write_text("")
    with pytest.raises(InputError, match="is a file"):
        make_report([made_up / "more"], **arguments)


CLICKS = """<script>
const heads = () => [...document.querySelectorAll("table[data-table=sequences] thead button")];
const rows = () => [...document.querySelectorAll("table[data-table=sequences] tbody tr")];
const names = () => rows().map((row) => row.cells[0].textContent);
const click = (text) => heads().find((head) => head.textContent === text).click();
const seen = { start: names() };
click("SiamFC-3s"); seen.down = names();
click("SiamFC-3s"); seen.up = names();
const choose = (id, value) => { document.getElementById(id).value = value;
  document.getElementById(id).dispatchEvent(new Event("change")); };
choose("group", "SV"); seen.attribute = names();
seen.mean = [...document.querySelectorAll("table[data-table=sequences] tfoot td")].map((cell) => cell.textContent);
seen.label = document.querySelector("figure[data-plot=success] svg").getAttribute("aria-label");
document.querySelector("#trackers input[value=good]").click();
seen.lines = document.querySelectorAll("figure[data-plot=success] polyline").length;
seen.heads = heads().map((head) => head.textContent);
document.body.innerHTML = ""; document.body.append("SEEN" + JSON.stringify(seen) + "END");
</script></body>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_page_in_a_browser(report, expected, tmp_path):
    text = (report[0] / "report.html").read_text()
    page = tmp_path / "page.html"
    page.write_text(text.replace("</body>", CLICKS))
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    command = ["chromium", *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()]
    dumped = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    seen = json.loads(re.search("SEEN(.*)END", dumped).group(1))
    scores = {name: score.auc for name, score in expected["SiamFC-3s"].sequences.items()}
    assert seen["start"] == ["Crossing", "Dog", "Man"]
    assert [scores[name] for name in seen["down"]] == sorted(scores.values(), reverse=True)
    assert [scores[name] for name in seen["up"]] == sorted(scores.values())
    carrying = [name for name in seen["up"] if name != "Man"]  # Man has no scale variation; the order stays
    assert seen["attribute"] == carrying
    means = [expected[name].attributes["SV"].auc for name in ("good", "SiamFC-3s")]
    assert seen["mean"] == ["mean", "2 sequences", *(f"{mean:.3f}" for mean in means)]
    assert f"[{means[0]:.3f}] good, [{means[1]:.3f}] SiamFC-3s" in seen["label"]
    assert seen["lines"] == 1 and seen["heads"] == ["sequence", "attributes", "SiamFC-3s"]
