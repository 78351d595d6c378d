"""Tables of rows: each row prepared, trained, matched, tracked and reported, with each seed, as a job of its own."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Sequence

import rar_gluon  # before mxnet: sets its threads
from experiments.costs import Plan, costs_of, dry_run
from experiments.jobs import (
    OUTCOMES,
    Cluster,
    Here,
    Job,
    description,
    distinct,
    has_outcomes,
    locked,
    read_job,
    run_jobs,
    shares,
    stages_of,
    steps_of,
    take_equal,
    write_job,
)
from experiments.measures import (
    BY_SEQUENCE,
    MATCHED,
    Numbers,
    by_number,
    having,
    holds,
    matched,
    numbers_of,
    read_outcome,
    with_added,
    write_numbers,
)
from experiments.sizes import (
    BASE,
    HERE,
    changes,
    dataset_of,
    matching_of,
    names_of,
    planned_frames,
    protocol_name,
    read_size,
    row_config,
    sequences_of,
    tracking_of,
)
from rar_gluon import config as configuration
from rar_gluon.common import InputError, read_json, write_text
from rar_gluon.data import otb
from rar_gluon.data.clips import weighted_folders
from rar_gluon.data.datasets import split_names
from rar_gluon.report.ablation import (
    Outcome,
    claims_table,
    gates_table,
    matching_table,
    measured_table,
    read_rows,
    read_verdicts,
)
from rar_gluon.report.claims import Verdict, read_claims
from rar_gluon.report.document import to_text, write_document
from rar_gluon.report.published import LITERATURE
from rar_gluon.report.tables import Table
from rar_gluon.training.matching import CELL

RAR = [sys.executable, "-c", "import sys; from rar_gluon.cli import main; sys.exit(main())"]
DELTA = {"matching": 0.01, "tracking": 0.01}  # of pairs, of AUC: smaller differences are as good as none
EVERY = 5  # frames between those that pairs are cut from


def row_names(table: str, chosen: str | None = None) -> List[str]:
    """Rows of a table, or those of `chosen`: names, or numbers of Table 3 (1,9,13)."""
    names = sorted(path.parent.name for path in (HERE / table).glob("*/config.yaml"))
    if chosen is None:
        return names
    named = [f"row{int(part):02d}" if part.isdigit() else part for part in split_names(chosen)]
    wanted = list(dict.fromkeys(named))
    unknown = [name for name in wanted if name not in names]
    if unknown or not wanted:
        raise InputError(f"{unknown[0] if unknown else '--rows'} is no row of {table}: choose of {', '.join(names)}.")
    return wanted


def overlay_of(arguments: argparse.Namespace, size: Mapping) -> Dict[str, Dict]:
    """Values of the size, changed by --set; they lie below the row's."""
    overlay = {section: dict(values) for section, values in size["config"].items()}
    changed = configuration.settings_to_dict(arguments.set)
    if "seed" in changed.get("training", {}):
        raise InputError("--set training.seed means nothing here: the seeds are 0, 1, ... of --seeds.")
    for section, values in changed.items():
        overlay.setdefault(section, {}).update(values)
    return overlay


def make_job(arguments: argparse.Namespace, size: Mapping, row: str, seed: int) -> Job:
    """A row with a seed, as the call has it."""
    path = HERE / arguments.target / row / "config.yaml"
    config = row_config(path, overlay_of(arguments, size), seed)
    return Job(row, seed, arguments.output / row / f"seed{seed}", config, tuple(split_names(arguments.outcomes)))


def jobs_of(arguments: argparse.Namespace, size: Mapping) -> List[Job]:
    """All jobs of a call: each row with each seed."""
    rows = row_names(arguments.target, arguments.rows)
    return [make_job(arguments, size, row, seed) for seed in arguments.seeds for row in rows]


def check_call(arguments: argparse.Namespace, jobs: Sequence[Job], names: Sequence[str]) -> None:
    """Raise `InputError` for what would stop every job later: shares of a batch, steps, training on what is scored."""
    from rar_gluon.data import folder
    from rar_gluon.data.records import RecordTracks
    from rar_gluon.training.loop import check_shares

    for share in shares(arguments.workers, arguments.devices):
        for batch in {job.config.training.batch for job in jobs}:
            check_shares(batch, 1, share)
    last = min(steps_of(job.config) for job in jobs)
    if arguments.curve is not None and arguments.curve[-1] >= last:
        raise InputError(
            f"--curve {arguments.curve[-1]} is not before the last step, {last}: give earlier ones, or train longer."
        )
    trained = {} if arguments.train is None else {"--train": folder.sequence_names(arguments.train)}
    trained.update({str(path): RecordTracks(path).names for path in weighted_folders(arguments.records)})
    for where, trained_names in trained.items():
        both = sorted(set(trained_names) & set(names))
        if both:
            raise InputError(f"{both[0]} is in {where} and is scored too: take it out, or give --sequences.")


def prepare_records(arguments: argparse.Namespace, size: Mapping) -> Dict[str, float]:
    """Pack --train or --vid into the records of the call, unless that has been done; returns folders and weights."""
    if arguments.size == "quick":
        return {}
    if arguments.records:
        return {str(path.resolve()): weight for path, weight in weighted_folders(arguments.records).items()}
    dataset, root = ("folder", arguments.train) if arguments.size == "local" else ("vid", arguments.vid)
    out = arguments.output.parent / f"records-{arguments.size}"
    _pack(arguments, size, dataset, root, out)
    return {str(out): 1.0}


def prepare_pairs(arguments: argparse.Namespace, size: Mapping, tracking: Mapping) -> Dict:
    """What pairs are cut from: the size's synthetic sequences, or what is tracked, packed unless that has been done."""
    spec = matching_of(size["matching"], arguments)
    if "folders" in tracking:
        spec["records"] = []
        for folder in tracking["folders"]:
            names = names_of(folder, tracking.get("names"))
            out = arguments.output.parent / f"pairs-{arguments.size}" / Path(folder).name
            if names:
                options = ["--every", str(EVERY), "--sequences", ",".join(names)]
                _pack(arguments, size, dataset_of(folder), Path(folder), out, options)
                spec["records"].append(str(out))
    return spec


def _pack(
    arguments: argparse.Namespace, size: Mapping, dataset: str, root: Path, out: Path, options: Sequence[str] = ()
) -> None:
    """`rar prepare` for the windows of the size, or nothing when it has been done."""
    tracking = configuration.from_dict(overlay_of(arguments, size), "size", configuration.load(BASE)).tracking
    options = [
        "--side",
        str(tracking.input_size),
        "--padding",
        str(tracking.padding),
        "--window",
        tracking.window,
        *options,
    ]
    about = {"dataset": dataset, "root": str(root.resolve()), "options": options}
    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        done = out / "prepared.json"
        if done.is_file():
            if read_json(done) != about:
                raise InputError(f"{out} holds records of another dataset or side: remove it, or give --output.")
            return
        command = [*RAR, "prepare", dataset, str(root), str(out), *options, "--workers", str(arguments.workers)]
        if subprocess.run(command, check=False).returncode:
            raise InputError(f"{root} was not prepared whole: see above; the same call goes on.")
        write_text(done, json.dumps(about) + "\n")


def read_outcomes(arguments: argparse.Namespace, size: Mapping, about: Mapping) -> Dict[str, Dict[int, Path]]:
    """Folders by row of the table and seed, of all jobs with something done by the settings of this call."""
    rows: Dict[str, Dict[int, Path]] = {row: {} for row in row_names(arguments.target)}
    for row, seeds in rows.items():
        for path in sorted(arguments.output.glob(f"{row}/seed*/job.json")):
            job = make_job(arguments, size, row, int(path.parent.name[len("seed") :]))
            if read_job(path.parent) == description(job, **about) and any(
                has_outcomes(path.parent, [o]) for o in OUTCOMES
            ):
                seeds[job.seed] = path.parent
    return rows


def others_of(arguments: argparse.Namespace, outcome: Outcome) -> Dict[str, Verdict]:
    """Verdicts of another run by this outcome (`--pool`)."""
    path = arguments.pool
    return read_verdicts(path) if path is not None and path.stem == f"claims_{outcome.name}" else {}


def tables_of(
    arguments: argparse.Namespace,
    folders: Mapping[str, Mapping[int, Path]],
    found: Numbers,
    about: Mapping,
    title: str,
) -> List[Table]:
    """All tables of a report on what was found: matching, tracking, verdicts by both, gates."""
    published_file = LITERATURE / f"{arguments.target}.csv"
    published = read_rows(published_file) if published_file.is_file() else {}
    claims = read_claims(HERE / "claims.yaml", arguments.target)

    def each(read: Callable[[Path], Mapping]) -> Dict[str, Dict[int, Mapping]]:
        return {row: {seed: read(folder) for seed, folder in seeds.items()} for row, seeds in folders.items()}

    tables = []
    outcomes = {key: by_number(found, key) for key in MATCHED}
    if any(outcomes["within_1"].values()):
        earlier = {
            step: by_number(each(partial(matched, step=step)), "within_1") for step in about["matching"]["steps"]
        }
        words = f"part of the pairs whose peak is within {CELL} pixels of the target"
        matching = Outcome("within_1", words, "within 1 cell", DELTA["matching"], outcomes["within_1"], earlier)
        tables += [
            matching_table(title, outcomes, matching, published, about["matching"]["pairs"]),
            claims_table(claims, matching, arguments.start, others_of(arguments, matching)),
        ]
    scores, auc = having(found, "auc"), by_number(found, "auc")
    names = sorted({name for seeds in auc.values() for one in seeds.values() for name in one})
    if names:
        benchmarks: Dict[str, Sequence[str] | None] = {f"size {arguments.size}": None}
        if arguments.size == "full":
            benchmarks = {"OTB-2013": otb.sequence_names("otb2013"), "OTB-2015": None}
        note = f"Scored on {len(names)} sequences: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}."
        tracked = Outcome("auc", "AUC of tracking", "AUC", DELTA["tracking"], auc)
        tables += [measured_table(title, scores, published, benchmarks, protocol_name(about["tracking"]), [note])]
        tables += [claims_table(claims, tracked, arguments.start, others_of(arguments, tracked))]
    gates = each(
        lambda folder: {k: v["gates"] for k, v in read_outcome(folder / OUTCOMES["matching"]).items() if v["gates"]}
    )
    gates = {row: seeds for row, seeds in gates.items() if any(seeds.values())}
    return [*tables, gates_table(gates)] if gates else tables


def report_rows(
    arguments: argparse.Namespace,
    size: Mapping,
    folders: Mapping[str, Mapping[int, Path]],
    about: Mapping,
    title: str,
) -> str:
    """Write the report of jobs by row and seed, and return its tables for the terminal."""
    own = {row: {seed: numbers_of(folder) for seed, folder in seeds.items()} for row, seeds in folders.items()}
    found = with_added(own, arguments.add)
    done = {row: len(seeds) for row, seeds in found.items()}
    head = [" ".join(size["about"].split()), *changes(arguments)]
    words = [
        *head,
        f"{sum(map(bool, done.values()))} of {len(folders)} rows are done, with {sum(done.values())} seeds in all.",
        *(f"Seeds of an earlier run are among them: {path.name}." for path in arguments.add),
        f"Written by rar-gluon {rar_gluon.__version__}.",
    ]
    tables = tables_of(arguments, folders, found, about, title)
    write_document(arguments.output, title, words, tables)
    write_numbers(arguments.output / BY_SEQUENCE, found)
    skipped = ("where", "sequences", "p", "loss", "within 0.5", "within 2")
    page = os.path.relpath(arguments.output / "report.html")
    shown = [to_text(table, skipped) for table in tables if table.name != "gates"]
    return "\n\n".join([" ".join(head), *shown, f"see {page}"])


def matched_pairs(matching: Mapping) -> int:
    """Pairs that a job matches, after each step that is asked for and the last."""
    return matching["pairs"] * (len(matching["steps"]) + 1)


def plan_rows(arguments: argparse.Namespace) -> str:
    """What the call would cost."""
    size = read_size(arguments.size)
    jobs, frames = jobs_of(arguments, size), planned_frames(arguments, size["tracking"])
    matching = matching_of(size["matching"], arguments)
    configs = {job.name: job.config for job in jobs}
    return (
        f"{arguments.target}, size {arguments.size}: {len(jobs)} jobs, {frames} frames to track and "
        f"{matching['pairs']} pairs to match in each\n"
        + dry_run(Plan(configs, frames, matched_pairs(matching), on_cards=arguments.size == "full"))
    )


def make_rows(arguments: argparse.Namespace, title: str) -> int:
    """Do what is missing of a table of rows; returns the exit status."""
    size = read_size(arguments.size)
    tracking = tracking_of(size["tracking"], arguments)
    added = with_added({row: {} for row in row_names(arguments.target)}, arguments.add)
    jobs, sequences = jobs_of(arguments, size), sequences_of(tracking)
    check_call(arguments, jobs, [sequence.name for sequence in sequences])
    records, matching = prepare_records(arguments, size), prepare_pairs(arguments, size, tracking)
    jobs = [job for job in jobs if not holds(added, job, matching["pairs"])]
    about = {"start": arguments.start, "records": records, "matching": matching, "tracking": tracking}
    for job in jobs:
        write_job(job, description(job, **about))
    take_equal(jobs, arguments.output.parent)
    missing, failed = distinct([job for job in jobs if not job.done]), []
    if missing:
        frames, pairs = sum(map(len, sequences)), matched_pairs(matching)
        print(f"{len(missing)} jobs are to be done, of {len(jobs)}; counting their operations", flush=True)
        known = {job.row: costs_of(job.config, frames, pairs) for job in {job.row: job for job in missing}.values()}
        costs = {job.folder: {stage: known[job.row][stage] for stage in stages_of(job.outcomes)} for job in missing}
        if arguments.scheduler is None:
            place = Here(arguments.workers, arguments.devices)
        else:
            place = Cluster(arguments.scheduler, arguments.devices)
        failed = run_jobs(missing, costs, pairs, len(sequences), place)
        take_equal(jobs, arguments.output.parent)
    print(report_rows(arguments, size, read_outcomes(arguments, size, about), about, title))
    return 1 if failed else 0
