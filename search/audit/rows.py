"""The audit as rows of tables, for a terminal and a page."""

from typing import Any

from data.audit.balance import Comparison
from data.audit.findings import NAMES, OF_FILMS
from data.audit.measures import Audit
from data.films.traits import shown
from data.written import fixed, signed


def audit_rows(audit: Audit) -> list[dict[str, Any]]:
    """A row per split and sex: ages in months, labels in shares of the group."""
    return [
        {
            "split": NAMES[group.split],
            "sex": group.sex,
            "cases": f"{group.cases:,}",
            "youngest": f"{group.age_min:.4g}",
            "median": f"{group.age_median:.4g}",
            "mean": f"{group.age_mean:.1f}",
            "SD": f"{group.age_sd:.1f}",
            "on an atlas plate": f"{group.plate_share:.0%}",
            "whole months": f"{group.whole_share:.0%}",
        }
        for group in audit.groups
    ]


def balance_rows(audit: Audit) -> list[dict[str, Any]]:
    """A row per comparison of two splits."""
    return [
        {
            "splits": f"{NAMES[compared.first]}, {NAMES[compared.second]}",
            "in": compared.what,
            "first": value_text(compared, compared.first_value),
            "second": value_text(compared, compared.second_value),
            "effect": effect_text(compared),
            "p": p_text(compared.p),
            "p, Holm": p_text(compared.holm_p),
            "imbalanced": "yes" if compared.imbalanced else "no",
        }
        for compared in audit.comparisons
    ]


def effect_text(compared: Comparison) -> str:
    if compared.what == "spread of age":  # a ratio
        return fixed(compared.effect, 2)
    return signed(100 * compared.effect, 1) if compared.what == "sex" else signed(compared.effect)


def value_text(compared: Comparison, value: float) -> str:
    if compared.what in OF_FILMS:
        return shown(OF_FILMS[compared.what], value)
    return f"{value:.1%}" if compared.what == "sex" else f"{value:.1f}"


def p_text(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
