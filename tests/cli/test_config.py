from rar_gluon import cli
from rar_gluon.config import Config, dump, load, name_of


def test_config_prints_what_can_be_loaded(tmp_path, capsys):
    assert cli.main(["config"]) == 0
    path = tmp_path / "printed.yaml"
    path.write_text(capsys.readouterr().out)
    assert load(path) == Config()
    assert cli.main(["config", "rar_thin"]) == 0
    assert capsys.readouterr().out.strip() == dump(load("rar_thin")).strip()


def test_config_explains(capsys):
    assert cli.main(["config", "rar_thin", "--explain"]) == 0
    out = capsys.readouterr().out
    assert "filter.lambda1" in out and "paper (Section 4.1)" in out and "changed from 255, paper (Table 1" in out


def test_configs_are_summarised_by_their_names(tmp_path, monkeypatch):
    from rar_gluon.net import cost

    seen = {}
    monkeypatch.setattr(cost, "summary_table", seen.update)
    assert cli.main(["config", "--summary"]) == 0
    assert list(seen) == ["rar", "rar_thin"]
    for name in ("row01", "row02"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text("base: rar\n")
    assert cli.main(["config", "--summary", *(f"{tmp_path}/{name}/config.yaml" for name in ("row01", "row02"))]) == 0
    assert list(seen)[2:] == ["row01", "row02"]


def test_config_summary(small, capsys):
    path = small[1]
    assert cli.main(["config", path, "--summary"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["config", "parameters"] and row.startswith(name_of(path))
    assert "conv3 64x7" in row and row.endswith("64x7")
