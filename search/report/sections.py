"""The report, section by section: which words, tables and figures, in which order. How they are written: `page.py`,
`text.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from data.audit.findings import NAMES
from data.cases import SPLITS
from data.counted import counted
from data.written import fixed, gmacs, months
from models.paper import is_of_the_paper
from search.output.sentence import capital, sentence
from search.output.typed import typed
from search.report import optuna_parts, plotted
from search.report import rows as report_rows
from search.report import words as report_words
from search.report.parts import Contents, Link, Part, Plot, Plots, Rows, Subheading, Table, Words
from search.report.read import Report, StudyReport
from search.report.rows import headed, heading
from search.show import figures
from search.show.figures import Sized
from search.show.tables import verdict_rows
from search.storage.status import contradicted, left_to_do
from studies.deciding import front
from studies.order import EVERY, study_name
from studies.preset import MIN_SEEDS
from studies.study import in_months

CURVES = 6  # learning curves shown
MEANS = "MAEs in months, of the best epoch. A point's are means over its seeds, each in its own best epoch; those are listed in the order of the seeds."
MOST_TRIALS = 300  # rows of the page's table of trials; report.csv has all


def contents(report: Report) -> Contents:
    sections: dict[str, Sequence[Part]] = {
        "What is missing": missing(report),
        "Final models": final_models(report),
        "Asked and decided": decided(report),
        "The paper's Table 1": table1(report),
        **{study.name.capitalize(): of_study(report, study) for study in (*report.studies, *report.after)},
        "Error against size": sizes(report),
        "Learning curves": curves(report),
        "What was important": important(report),
        "Data": data(report),
        "Machine and settings": machine_and_settings(report),
        "Failed and pruned": failed(report),
        "Every trial": every_trial(report),
    }
    preparation = report.run.preset.preparation
    cases = (
        f"{counted(len(report.store.cases), 'image')} of {preparation.image_px} px"
        if report.store
        else "data not prepared"
    )
    subtitle = f"{report.run.folder.resolve().name}: preset {report.run.preset.name}, {cases}"
    kept = [(heading, parts) for heading, parts in sections.items() if parts]
    return Contents("Search report", subtitle, report.synthetic, report_words.answers(report), kept)


def missing(report: Report) -> list[Part]:
    """Empty where all is decided."""
    if contradicted(report.statuses):
        return [Words(report_words.next_sentence(report))]
    if report.next_command is None:
        return []
    left = left_to_do(report.statuses, report.run.preset)
    open_yet = [f"{study_name(each['name'])}: {each['state']}" for each in report.statuses if each["name"] in left]
    return [Words(f"Not decided yet: {'; '.join(open_yet)}. {report_words.next_sentence(report)}")]


def final_models(report: Report) -> list[Part]:
    if not report.models:
        return []
    drawn_hands = [about["name"] for _, about in report.models if about["synthetic"]]
    said = [Words(f"Trained on drawn hands: {', '.join(drawn_hands)}.")] if drawn_hands else []
    pages = [
        Link(f"The page of {about['name']}", report.link_to(folder / "report.html"))
        for folder, about in report.models
        if (folder / "report.html").exists()
    ]
    curves = Plots(tuple(model_plot(about) for _, about in report.models if about.get("history")))
    return [Table(report_rows.model_rows(report), "MAE and RMSE in months."), *said, *pages, curves]


def model_plot(about: Mapping[str, Any]) -> Plot:
    train, validation = ([epoch[name] for epoch in about["history"]] for name in ("train_mae", "validation_mae"))
    rows = by_epoch(train, validation)
    drawn = figures.learning_curve(train, validation, about["validation"]["constant_mae"])
    return Plot(drawn, f"{about['name']}, by epoch.", 300, rows)


def by_epoch(train: Sequence[float], validation: Sequence[float]) -> Rows:
    return [
        {"epoch": epoch, "train MAE": months(of_train), "valid. MAE": months(of_validation)}
        for epoch, (of_train, of_validation) in enumerate(zip(train, validation, strict=False), 1)
    ]


def decided(report: Report) -> list[Part]:
    parts: list[Part] = []
    for study in (*report.studies, *report.after):
        parts += [Subheading(f"{study.label}: {report_words.asked(study.name)}"), *so_far(report, study)]
        parts += [Words(said) for said in report_words.left_out(study)]
        if study.trials:
            parts.append(Table(headed(study.table()), MEANS))
    return parts


def so_far(report: Report, study: StudyReport) -> list[Part]:
    if study.decision is None and not study.trials:
        counts = ", and none of its trials counts" if study.left_out else ""
        return [Words(f"{capital(study.status['state'])}{counts}.")]
    found = sentence(study.decision.summary) if study.decision else "Not decided yet."
    preset = study.given.preset if study.given else report.run.preset
    rule = EVERY[study.name].RULE.format(margin=in_months(preset.margin_months))
    return [Words(f"{found} Rule: {rule}"), Words(report_words.counts(study))]


def table1(report: Report) -> list[Part]:
    """Empty where the run's networks are of another family."""
    if not is_of_the_paper(report.run.preset.reference):
        return []
    px = report.run.preset.preparation.image_px
    return [
        Words(
            "n5, n7 and n9 say how often mixed5, mixed7 and mixed9 are repeated; β multiplies every filter count (1 is stock "
            f"InceptionV3). The paper trained on RSNA's radiographs at 300 px, this run on images of {px} px: the MAEs compare "
            "only where data and size are the same. Rows of this run are its reference, what its studies decided for, or the very same network as the paper's."
        ),
        Table(
            report_rows.table1_rows(report),
            "MAEs in months; for this run means over its seeds, each in its own best epoch. N/A: the paper tested its final network "
            "alone. The Baseline's ~28M does not follow from its own columns, which are stock InceptionV3's 21.8M.",
            own=lambda row: bool(row["of"] == "this run"),
        ),
    ]


def of_study(report: Report, study: StudyReport) -> list[Part]:
    """What its trials show: along its parameter, each variant beside its reference, and as Optuna draws them."""
    return [*swept(study), *comparisons(report, study), *optuna_parts.of(study)]


def swept(study: StudyReport) -> list[Part]:
    sweep = EVERY[study.name].sweep(study.given, study.pooled, study.decision) if study.given else None
    if sweep is None or not any(trial.state == "complete" for trial in sweep.trials):
        return []
    name = heading(sweep.parameter)
    caption = f"{name} against validation MAE: every seed, and the mean of each value."
    if sweep.limit is not None:
        caption += " Below the dotted line it is no worse than the reference."
    rows = [
        {
            name: trial.point[sweep.parameter],
            "trial": f"#{run.number}",
            "seed": run.seed,
            "valid. MAE": months(run.validation_mae),
        }
        for trial in sorted(sweep.trials, key=lambda trial: float(trial.point[sweep.parameter]))
        for run in trial.by_seed
    ]
    return [Plot(figures.along(sweep, name), caption, 380, rows)]


def comparisons(report: Report, study: StudyReport) -> list[Part]:
    if study.given is None or study.decision is None or not (rows := study.decision.findings.compared):
        return []
    margin = study.given.preset.equivalence_months
    within = "" if all(row.favoured for row in rows) else " with its 95% interval"
    caption = (
        f"{study.decision.findings.CAPTION}: change of the validation MAE{within}, the grey band the margin of "
        f"{in_months(margin)} within which a change does not matter."
    )
    parts: list[Part] = []
    if any(row.change is not None for row in rows):
        parts.append(Plot(figures.forest(rows, margin), caption, figures.forest_height_px(rows)))
    table = "Months worse than the reference. Each interval is for one variant alone; p values are adjusted for the whole family."
    parts.append(Table(verdict_rows(rows), table))
    if any(row.favoured for row in rows):
        parts.append(
            Words(
                "An estimate compares a network by the same trainings that picked it: it is optimistic for that network, "
                "and has neither verdict nor interval."
            )
        )
    if any(row.scope != "architectures" and not row.favoured for row in rows):
        parts.append(
            Words(
                f"With fewer than {MIN_SEEDS} seeds there is no verdict on architectures: the images can show that these trained "
                "models differ, and the interval includes the spread between seeds, as far as this run knows it."
            )
        )
    return parts


def sizes(report: Report) -> list[Part]:
    networks = [network for study in report.studies for network in sized(study)]
    if not networks:
        return []
    caps = report_words.caps_of(report.studies)
    rows = [
        {
            "trial": network.name,
            "valid. MAE": months(network.mae),
            "params": network.params,
            "GMACs": gmacs(network.macs),
        }
        for network in networks
        if network.on_front
    ]
    return [
        Plots(
            (
                Plot(
                    figures.pareto(networks, "params", list(caps)),
                    f"Against parameters; {report_words.cap_words(caps)}.",
                ),
                Plot(figures.pareto(networks, "macs"), "Against multiply-accumulates of one image."),
            )
        ),
        Words(
            "The line is the front of that plane over the studies that decide. Filled marks are on their study's front:"
        ),
        Table(rows, "Trials that no other trial of their study beats in MAE, parameters and MACs together."),
    ]


def sized(study: StudyReport) -> list[Sized]:
    """The study's networks, each once however many seeds it had."""
    if study.given is None:
        return []
    costs = [(trial, study.cost(trial)) for trial in study.pooled]
    on_front = {found.trial for found in front(costs)}
    return [
        Sized(
            study.name,
            f"{study.label} {report_words.numbers(trial)}",
            trial.error,
            cost.params,
            cost.macs,
            trial.number in on_front,
        )
        for trial, cost in costs
        if trial.state == "complete"
    ]


def curves(report: Report) -> list[Part]:
    constant = report.constant_mae
    best = report_rows.best_trials(report, CURVES)
    if not best or constant is None:
        return []
    plots = tuple(
        Plot(
            figures.learning_curve(trial.train_mae, trial.validation_mae_by_epoch, constant),
            f"{study.label} #{trial.number}: {months(trial.error)} months in epoch {trial.best_epoch}",
            270,
            by_epoch(trial.train_mae, trial.validation_mae_by_epoch),
        )
        for study, trial in best
    )
    which = f"{len(plots)} trainings" if len(plots) > 1 else "training"
    said = f"The {which} with the lowest validation MAE, of all studies of the run. Dotted: always answering the training median."
    return [Words(said), Plots(plots)]


def important(report: Report) -> list[Part]:
    """Of the studies that search: the others choose their points step by step, which no importance takes into account."""
    parts: list[Part] = []
    for study in report.studies:
        if EVERY[study.name].SEEDED or not study.trials:
            continue
        parts.append(Words(report_words.importance_sentence(study)))
        if study.importance is not None:
            rows = [{"parameter": name, "importance": f"{share:.0%}"} for name, share in study.importance.items()]
            caption = f"Share of each parameter of {study.name}."
            assert study.study is not None
            drawn = plotted.importances(plotted.copied(study.study, study.means), list(study.importance))
            parts.append(Plot(drawn, caption, 90 + 40 * len(rows), rows))
    return parts


def data(report: Report) -> list[Part]:
    if report.store is None:
        return [Words("The run's data are not prepared, or no longer there.")]
    cases = report.store.cases
    rows = [
        {
            "split": NAMES[split],
            "cases": len(those),
            "girls": int((~those["male"]).sum()),
            "median age, months": fixed(float(those["age_months"].median()), 1),
        }
        for split in SPLITS
        if len(those := cases[cases["split"] == split])
    ]
    left_out = f"{counted(len(report.store.problems), 'case was', 'cases were')} left out at preparation."
    worries = [Words(f"Worry: {worry}") for worry in report.worries]
    parts: list[Part] = [Words(left_out), *worries, Table(rows, "The cases of each split.")]
    audit = report.run.folder / "audit.html"
    if audit.exists():
        return [*parts, Link("The audit of the data", report.link_to(audit))]
    return [*parts, Words(f"The audit has no page yet: {typed('audit', report.run.folder)} writes it.")]


def machine_and_settings(report: Report) -> list[Part]:
    settings = report_rows.settings_rows(report)
    count = sum(map(report_rows.differs, settings))
    name = report.run.preset.name
    caption = f"Every setting of the run; {count or 'none'} of {len(settings)} {'differs' if count == 1 else 'differ'} from the preset {name}."
    return [
        Table(report_rows.machine_rows(report), "The machine and the versions."),
        Table(settings, caption, own=report_rows.differs),
    ]


def failed(report: Report) -> list[Part]:
    rows = report_rows.failed_rows(report)
    if not rows:
        return [Words("No trial has failed, none was pruned.")] if any(study.trials for study in report.studies) else []
    return [Table(rows, "The folder holds the trial's log.txt.")]


def every_trial(report: Report) -> list[Part]:
    rows = report_rows.trial_rows(report)
    return (
        [
            Link("The same as CSV, with every column", "report.csv"),
            Table(rows, "Every trial of every study.", most=MOST_TRIALS),
        ]
        if rows
        else []
    )
