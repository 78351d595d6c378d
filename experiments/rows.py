"""Tables of rows: each row prepared, trained, matched, tracked and reported, with each seed, as a job of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Sequence

import rar_gluon  # before mxnet: sets its threads
from experiments.ablation import (
    HEADS,
    Outcome,
    claims_table,
    gates_table,
    matching_table,
    measured_table,
    read_rows,
    read_verdicts,
)
from experiments.call import Call
from experiments.claims import Verdict, read_claims
from experiments.costs import Plan, costs_of, dry_run
from experiments.jobs import (
    JOB,
    OUTCOMES,
    ClusterPlace,
    Data,
    Job,
    LocalPlace,
    data_of,
    description,
    distinct,
    has_outcomes,
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
    gates_of,
    having,
    holds,
    matched,
    numbers_of,
    with_added,
    write_numbers,
)
from experiments.sizes import (
    BASE,
    HERE,
    Matching,
    Size,
    dataset_of,
    names_of,
    planned_frames,
    protocol_name,
    row_config,
    sequences_of,
    short_hash,
)
from rar_gluon import config as configuration
from rar_gluon import strict_yaml
from rar_gluon.common import InputError, write_text
from rar_gluon.data import otb
from rar_gluon.data.datasets import split_names
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
    rows = list(dict.fromkeys(named))
    unknown = [name for name in rows if name not in names]
    if unknown or not rows:
        raise InputError(f"{unknown[0] if unknown else '--rows'} is no row of {table}: choose of {', '.join(names)}.")
    return rows


def own_words(table: str, row: str) -> str:
    """What a row that the paper does not have changes of its base: `network.deformable [conv3, conv4]`."""
    content = strict_yaml.read(HERE / table / row / "config.yaml") or {}
    changes = [
        f"{section}.{name} {strict_yaml.display_text(value)}"
        for section, values in content.items()
        if isinstance(values, dict)
        for name, value in values.items()
    ]
    return f"yours: {', '.join(changes)}"


def same_settings(call: Call) -> List[str]:
    """A sentence for each row of the call that has, at this size, the settings of an earlier row of the table."""
    configs = {row: configuration.to_dict(make_job(call, row, 0).config) for row in row_names(call.target)}
    first = {row: next(other for other, config in configs.items() if config == configs[row]) for row in call.rows}
    return [
        f"At size {call.size.name} {row} has {other}'s settings, so its numbers are {other}'s."
        for row, other in first.items()
        if row != other
    ]


def make_job(call: Call, row: str, seed: int) -> Job:
    """A row with a seed, as the call has it."""
    config = row_config(HERE / call.target / row / "config.yaml", call.size.config, seed)
    return Job(row, seed, call.output / row / f"seed{seed}", config, call.outcomes)


def jobs_of(call: Call) -> List[Job]:
    """All jobs of a call: each row with each seed."""
    return [make_job(call, row, seed) for seed in call.seeds for row in call.rows]


def check_call(call: Call, jobs: Sequence[Job], names: Sequence[str]) -> None:
    """Raise `InputError` for what would stop every job later: shares of a batch, steps, training on what is scored."""
    from rar_gluon.data import folder
    from rar_gluon.data.records import RecordTracks
    from rar_gluon.training.loop import check_shares

    for share in shares(call.workers, call.devices):
        for batch in {job.config.training.batch for job in jobs}:
            check_shares(batch, 1, share)
    last, steps = min(steps_of(job.config) for job in jobs), call.size.matching.steps
    if steps and steps[-1] >= last:
        raise InputError(
            f"--curve {steps[-1]} is not before the last step, {last}: give earlier ones, or train longer."
        )
    trained = {str(path): RecordTracks(path).names for path in call.records}
    if call.train is not None and not call.full:
        trained["--train"] = folder.sequence_names(call.train)
    for where, trained_names in trained.items():
        both = sorted(set(trained_names) & set(names))
        if both:
            raise InputError(f"{both[0]} is in {where} and is scored too: take it out, or give --sequences.")


def prepare_records(call: Call) -> Dict[str, float]:
    """Pack what is trained on into records, unless that has been done; returns folders and weights."""
    if call.size.name == "quick":
        return {}
    if call.records:
        return {str(path): weight for path, weight in call.records.items()}
    out = call.output.parent / f"records-{call.size.name}"
    return {str(_pack(call.size, "vid" if call.full else "folder", call.train, out, call.workers)): 1.0}


def prepare_pairs(call: Call) -> Matching:
    """Pairs of the size's synthetic sequences, or of what is tracked, packed unless that has been done."""
    folders, records = call.size.tracking.folders, []
    for folder in folders:
        names = names_of(folder, call.size.tracking.names)
        out = call.output.parent / f"pairs-{call.size.name}" / Path(folder).name
        if names:
            options = ["--every", str(EVERY), "--sequences", ",".join(names)]
            records.append(str(_pack(call.size, dataset_of(folder), Path(folder), out, call.workers, options)))
    return replace(call.size.matching, records=tuple(records))


def _pack(size: Size, dataset: str, root: Path, out: Path, workers: int, options: Sequence[str] = ()) -> Path:
    """`rar prepare` for the windows of the size, unless that has been done.

    The folder of the records, which is returned, is `out` with a mark of what they are of, so that others have room.
    """
    tracking = configuration.from_dict(size.config, "size", configuration.load(BASE)).tracking
    windows = {"--side": tracking.input_size, "--padding": tracking.padding, "--window": tracking.window}
    options = [*(str(part) for pair in windows.items() for part in pair), *options]
    source = {"dataset": dataset, "root": str(root.resolve()), "options": options}
    out = out.with_name(f"{out.name}-{short_hash(json.dumps(source))}")
    done = out / "prepared.json"
    if done.is_file():
        return out
    command = [*RAR, "prepare", dataset, str(root), str(out), *options, "--workers", str(workers)]
    if subprocess.run(command, check=False).returncode:
        raise InputError(f"{root} was not prepared whole: see above; the same call goes on.")
    write_text(done, json.dumps(source) + "\n")
    return out


def read_outcomes(call: Call, data: Data) -> Dict[str, Dict[int, Path]]:
    """Folders by row of the table and seed, of all jobs with something done by the settings of this call."""
    rows: Dict[str, Dict[int, Path]] = {row: {} for row in row_names(call.target)}
    for row, seeds in rows.items():
        for path in sorted(call.output.glob(f"{row}/seed*/{JOB}")):
            number = path.parent.name[len("seed") :]
            if not number.isdecimal():  # a copy beside it
                continue
            job = make_job(call, row, int(number))
            done = any(has_outcomes(path.parent, [outcome]) for outcome in OUTCOMES)
            if done and read_job(path.parent) == json.loads(json.dumps(description(job, data))):
                seeds[job.seed] = path.parent
    return rows


def other_verdicts(pool: Path | None, outcome: Outcome) -> Dict[str, Verdict]:
    """Verdicts of another run by this outcome (`--pool`)."""
    return read_verdicts(pool) if pool is not None and pool.stem == f"claims_{outcome.name}" else {}


def by_row_and_seed(
    folders: Mapping[str, Mapping[int, Path]], read: Callable[[Path], Mapping]
) -> Dict[str, Dict[int, Mapping]]:
    """What `read` makes of each job's folder."""
    return {row: {seed: read(folder) for seed, folder in seeds.items()} for row, seeds in folders.items()}


def make_tables(call: Call, folders: Mapping[str, Mapping[int, Path]], numbers: Numbers, title: str) -> List[Table]:
    """All tables of a report: matching, tracking, verdicts by both, gates."""
    published_file = LITERATURE / f"{call.target}.csv"
    published = read_rows(published_file) if published_file.is_file() else {}
    own = [row for row in folders if published and row not in published]
    published = {**published, **{row: {"what": own_words(call.target, row)} for row in own}}
    claims = read_claims(HERE / "claims.yaml", call.target)
    tables, pairs = [], call.size.matching
    outcomes = {key: by_number(numbers, key) for key in MATCHED}
    if any(outcomes["within_1"].values()):
        earlier = {
            step: by_number(by_row_and_seed(folders, partial(matched, step=step)), "within_1") for step in pairs.steps
        }
        words = f"part of the pairs whose peak is within {CELL} pixels of the target"
        matching = Outcome("within_1", words, HEADS["within_1"], DELTA["matching"], outcomes["within_1"], earlier)
        tables += [
            matching_table(title, outcomes, matching, published, pairs.pairs),
            claims_table(claims, matching, call.start, other_verdicts(call.pool, matching)),
        ]
    scores, auc = having(numbers, "auc"), by_number(numbers, "auc")
    names = sorted({name for seeds in auc.values() for one in seeds.values() for name in one})
    if names:
        benchmarks: Dict[str, Sequence[str] | None] = {f"size {call.size.name}": None}
        if call.full:
            benchmarks = {"OTB-2013": otb.sequence_names("otb2013"), "OTB-2015": None}
        note = f"Scored on {len(names)} sequences: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}."
        tracked = Outcome("auc", "AUC of tracking", "AUC", DELTA["tracking"], auc)
        protocol = protocol_name(call.size.tracking.folders)
        tables += [
            measured_table(title, scores, published, benchmarks, protocol, [note]),
            claims_table(claims, tracked, call.start, other_verdicts(call.pool, tracked)),
        ]
    gates = by_row_and_seed(folders, gates_of)
    gates = {row: seeds for row, seeds in gates.items() if any(seeds.values())}
    return [*tables, gates_table(gates)] if gates else tables


def report_rows(call: Call, folders: Mapping[str, Mapping[int, Path]], title: str) -> str:
    """Write the report of jobs by row and seed, and return its tables for the terminal."""
    numbers = with_added(by_row_and_seed(folders, numbers_of), call.add)
    done = {row: len(seeds) for row, seeds in numbers.items()}
    head = [call.size.description, *call.changes_text]
    sentences = [
        *head,
        f"{sum(map(bool, done.values()))} of {len(folders)} rows are done, with {sum(done.values())} seeds in all.",
        *(f"Seeds of an earlier run are among them: {path.name}." for path in call.add),
        f"Written by rar-gluon {rar_gluon.__version__}.",
    ]
    tables = make_tables(call, folders, numbers, title)
    write_document(call.output, title, sentences, tables)
    write_numbers(call.output / BY_SEQUENCE, numbers)
    skipped = ("where", "sequences", "p", "loss", HEADS["within_0.5"], HEADS["within_2"])
    page = os.path.relpath(call.output / "report.html")
    printed = [to_text(table, skipped) for table in tables if table.name != "gates"]
    return "\n\n".join([" ".join(head), *printed, f"see {page}"])


def plan_rows(call: Call) -> str:
    """What the call would cost."""
    jobs, frames = jobs_of(call), planned_frames(call.size.tracking, call.size.name)
    matching = call.size.matching
    same = "".join(f"{sentence}\n" for sentence in same_settings(call))
    plan = Plan({job.name: job.config for job in jobs}, frames, matching.matched, on_cards=call.full)
    return (
        f"{same}{call.target}, size {call.size.name}: {len(jobs)} jobs, {frames} frames to track and "
        f"{matching.pairs} pairs to match in each\n" + dry_run(plan)
    )


def make_rows(call: Call, title: str) -> int:
    """Do what is missing of a table of rows; returns the exit status."""
    tracking = call.size.tracking
    added = with_added({row: {} for row in row_names(call.target)}, call.add)
    jobs, sequences = jobs_of(call), sequences_of(tracking)
    check_call(call, jobs, [sequence.name for sequence in sequences])
    data = data_of(call.start, prepare_records(call), prepare_pairs(call), tracking, sequences)
    jobs = [job for job in jobs if not holds(added, job, data.matching.pairs)]
    for job in jobs:
        write_job(job, data)
    take_equal(jobs, call.output.parent)
    for sentence in same_settings(call):
        print(sentence, flush=True)
    missing, failed = distinct([job for job in jobs if not job.done]), []
    if missing:
        print(f"{len(missing)} jobs are to be done, of {len(jobs)}; counting their operations", flush=True)
        frames, pairs = sum(map(len, sequences)), data.matching.matched
        known = {job.row: costs_of(job.config, frames, pairs) for job in {job.row: job for job in missing}.values()}
        costs = {job.folder: {stage: known[job.row][stage] for stage in stages_of(job.outcomes)} for job in missing}
        if call.scheduler is None:
            place = LocalPlace(call.workers, call.devices)
        else:
            place = ClusterPlace(call.scheduler, call.devices)
        failed = run_jobs(missing, costs, pairs, len(sequences), place)
        take_equal(jobs, call.output.parent)
    print(report_rows(call, read_outcomes(call, data), title))
    return 1 if failed else 0
