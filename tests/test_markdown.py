"""Foreign text in Markdown is read back as it was, and is markup nowhere: names of folders, models and files of weights."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.shown import plain
from search.apply.model_card import card
from search.output.markdown import code, escaped
from search.trained.folder import ModelFolder, open_folder

markdown_it = pytest.importorskip("markdown_it")

TEXTS = st.text(
    alphabet=st.one_of(st.sampled_from(list("`<>&*_#|\\[]()~!-+1.:/ \n\r\t")), st.characters()), max_size=40
)
HOSTILE = "a`<img src=x onerror=alert(1)>`b\n# Cleared for diagnosis\n\n[open](http://x.example) **safe** ``"


class Rendered(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.feed(markdown_it.MarkdownIt("commonmark").enable("table").render(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


@given(TEXTS)
def test_a_name_is_one_code_span_that_holds_the_name(name: str) -> None:
    read = Rendered(f"from {code(name)} on")

    assert read.tags == ["p", "code"]
    assert read.words == f"from {plain(name) or ' '} on\n"


@given(TEXTS)
def test_words_in_a_sentence_are_no_markup(words: str) -> None:
    read = Rendered(f"from {escaped(words)} on")

    assert read.tags == ["p"]
    assert read.words == f"from {plain(words.replace(chr(10), ' '))} on\n"


def test_no_text_of_a_models_json_is_markup_in_its_card(tiny_model: Path) -> None:
    """Each in turn, where the other texts are what they were: the tags of the card stay those of a harmless text."""
    model = open_folder(tiny_model)
    data = {**model.about["data"], "how": "trained"}
    weights = {"file": "w.h5", "digest": "d", "sentence": "stem from the file", "taken": ["stem"]}
    recalibration = {"source": "clinic", "offset_months": 1.0, "slope": 1.0, "fitted_on": 9, "reported_on": 9}
    recalibration |= {"before": {"mae": 9.0, "bias": 1.0}}

    def carded(text: str, where: str) -> Rendered:
        lineage = [
            data | {"weights": weights, "synthetic": False},
            data | {"how": "not known", "source": "before"},
            data | {"how": "recalibrated"},
        ]
        if where == "folder":
            lineage[0]["source"] = f"/x/{text.replace('/', '')}"
        if where == "way":
            lineage[0]["how"] = text
        if where == "split":
            lineage[0]["counts"] = {text: 1}
        if where == "model before":
            lineage[1]["source"] = text
        if where in ("file", "digest", "sentence"):
            lineage[0]["weights"] = weights | {where: text}
        about = model.about | {"lineage": lineage, "recalibration": recalibration}
        if where == "recalibrated on":
            about |= {"recalibration": recalibration | {"source": f"/x/{text.replace('/', '')}"}}
        if where in ("name", "made"):
            about |= {where: text}
        if where == "versions":
            about |= {"versions": {text: text}}
        if where == "filter":
            about |= {"films": about["films"] | {"filter": {text: 1.0}}}
        return Rendered(card(ModelFolder(model.path, about), "keras", f"{about['name']}.keras", ""))

    named = ("folder", "model before", "file", "digest", "name")
    for where in (*named, "way", "split", "sentence", "recalibrated on", "made", "versions", "filter"):
        assert carded(HOSTILE, where).tags == carded("harmless", where).tags, where
