"""Which split the name of a file or a folder, an id, or a cell speaks of, in the words of several languages.

`split_by_words` answers that. The others say how sure it is: a name that says nothing else (`is_a_splits_table`, `is_a_list`,
`is_a_splits_cell`) is taken at its word; one that says more (`may_say_a_split`) is doubted.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from data.tables.sexes import NOT, bare

# What stands beside a split's name in the name of its table, and in that of a mere list of cases.
OF_A_SET = re.compile(r"ages?|bone|boneage|cases?|data|dataset|ground|images?|labels?|official|rsna|sets?|table|truth")
OF_A_LIST = re.compile(
    r"cases?|files?|ids?|idx|index|indexes|indices|keys?|lists?|names?|partitions?|patients?|samples?|splits?|subjects?|uids?|csv|txt"
)
LIST_ENDS = ("ids", "idx", "index", "list", "split", "splits")
OF_A_CUT = re.compile(r"splits?|partitions?|splitting")
# Without accents, as `bare` leaves them: English, German, French, Spanish, Portuguese, Italian and Dutch.
NAMES = {
    "train": "train training trainings entrainement apprentissage entrenamiento treino treinamento treinar addestramento",
    "validation": "val valid validation validierung validierungs validacion validacao validazione convalida validatie",
    "test": "test testing prueba pruebas teste testes",
}
# What is written behind it without a space: testset, Trainingsdaten, val_list as vallist.
JOINED = (
    "sets?|data|dataset|images?|imgs?|cases?|ids|list|labels?|split|cohorts?|patients?|subjects|children"
    "|daten|datensatz|menge|satz|bilder|liste|gruppe|kohorten?|patienten|kinder"
)
# The last of train and of test are nnU-Net's.
OTHER_NAMES = {
    "train": "|imagestr|labelstr",
    "validation": "",
    "test": "|holdout|hold out|held out|heldout|ground truth|imagests|labelsts",
}
# Words that may mean a held-out part, or something else.
PERHAPS = re.compile(
    r"\b(?:eval|evaluation|evaluierung|dev|development|tuning|external|extern|externe|holdback|reserved|blind|cv|folds?)\b"
)
# Beside a split's word in a heading over yes and no, what makes a test of a clinic, or its result, of it.
CLINICAL = re.compile(
    r"\b(?:gh|hgh|acth|lh|fsh|tsh|igf ?\d*|gnrh|hormone?s?|stimulation|clonidine?|arginine?|glucose|insulin|synacthen|tolerance|blood|lab|skin|sweat"
    r"|allergy|genetic|dna|gene|karyotype|covid|pcr|hearing|vision|eye|iq|school|fitness|exercise|stress|physio|hospital|result|results|done|positive"
    r"|negative|ordered|passed|reader|rater|repeat|retest)\b"
)
SPLIT_WORDS = {
    split: rf"(?:{'|'.join(names.split())})(?:{JOINED})?{OTHER_NAMES[split]}" for split, names in NAMES.items()
}
CELL_WORDS = {  # in a cell, where a word means nothing but a split
    **SPLIT_WORDS,
    "validation": rf"{SPLIT_WORDS['validation']}|dev",
}
MAY_BE_A_TOWN = "val"  # Valencia, beside MAD and BCN: where no other word speaks of a split
WITHOUT_VALID = {**CELL_WORDS, "validation": CELL_WORDS["validation"].replace("|valid|", "|")}
# "No" alone may be short for number.
NEGATED = re.compile(rf"\b(?:{'|'.join(sorted(NOT - {'no'}))}|without|except)\b|\bno\W+(?:train|test|val)")


def split_of(folder: Path, path: Path) -> str:
    """The split that the last of the path's names below the folder speaks of, else the one before it; '' where none does."""
    names = reversed(path.relative_to(folder).parts)
    return next((split for name in names if (split := split_by_words(name))), "")


def split_of_path(text: str) -> str:
    """The same of an id as it is written, data\\test\\31.png."""
    names = re.split(r"[/\\]", text)[-2::-1]
    return next((split for name in names if (split := split_by_words(name))), "")


def split_by_words(text: str, words_of: Mapping[str, str] = SPLIT_WORDS) -> str:
    """The one split that a file's or folder's name speaks of; '' where it names none, or several, or says what it is not."""
    words = letters_of(text)
    if NEGATED.search(words):  # not_train
        return ""
    for said in (words, words.replace("ground truth", "")):  # of the validation set, too
        named = [split for split, word in words_of.items() if re.search(rf"\b({word})\b", said)]
        if len(named) == 1:
            return named[0]
    return ""


def split_by_cell(text: str) -> str:
    """The same of a cell."""
    return split_by_words(text, CELL_WORDS)


def splits_together(texts: Iterable[str], of_a_cut: bool) -> dict[str, str]:
    """The same of words that stand together, as of all cases. Valid alone, or beside invalid, is the word of a check, unless the file
    says that it is `of_a_cut`; beside training it is a split."""
    named = {text: split_by_cell(text) for text in texts}
    surely = of_a_cut or any(split_by_words(text, WITHOUT_VALID) for text in named)
    return named if surely else dict.fromkeys(named, "")


def is_a_splits_cell(text: str) -> bool:
    """Whether a cell says nothing but a split: Testset, validation; not repeat test, nor valid, the word of a check, nor a town."""
    return bool(split_by_words(text, WITHOUT_VALID)) and is_a_list(text) and bare(text) != MAY_BE_A_TOWN


def is_a_splits_table(stem: str, split: str = "") -> bool:
    """Whether a table's name says nothing but which split of a data set it holds: test, boneage_test_dataset; not test_results.

    In a folder of a `split` it need not name that again: test/labels.csv; not test/log.csv.
    """
    return bool(split_by_words(stem) or split) and all(
        OF_A_SET.fullmatch(word) or split_by_words(word) for word in words_of(stem)
    )


def is_a_list(stem: str) -> bool:
    """Whether a file's name says nothing but which cases it lists: test, val_ids, train-list, splits; not test_results."""
    return all(OF_A_SET.fullmatch(word) or OF_A_LIST.fullmatch(word) or split_by_words(word) for word in words_of(stem))


def is_a_flag(heading: str) -> bool:
    """Whether yes and no under a heading say whether a case is of a split: is_test, used for training; not ACTH test, nor valid image."""
    words = letters_of(heading)
    named = any(re.search(rf"\b(?:{word})\b", words) for word in WITHOUT_VALID.values())
    return named and not CLINICAL.search(words)


def may_be_a_flag(heading: str) -> bool:
    """The same of a set in words that may mean a held-out one: eval_set, external cohort."""
    words = letters_of(heading)
    return bool(PERHAPS.search(words) and re.search(r"\b(?:set|cohort|kohorte|split|part|subset)\b", words))


def may_say_a_split(name: str) -> bool:
    """Whether a word of a file's name may."""
    return bool(split_by_words(name) or OF_A_CUT.search(bare(name)) or PERHAPS.search(letters_of(name)))


def says_a_cut(name: str) -> bool:
    """Whether a word of a file's name surely means a split: val_cases, splits; not valid_images, which may be a check."""
    return bool(split_by_words(name, WITHOUT_VALID) or OF_A_CUT.search(bare(name)))


def names_a_list(stem: str) -> bool:
    """Whether a word of a name is one for a list, or ends in one: test_ids, testlist."""
    return any(OF_A_LIST.fullmatch(word) or word.endswith(LIST_ENDS) for word in words_of(stem))


def speaks_of_a_cut(stem: str) -> bool:
    """Whether a name says nothing but that it has the splits: splits, data_split, partition."""
    return is_a_list(stem) and any(map(OF_A_CUT.fullmatch, words_of(stem)))


def letters_of(text: str) -> str:
    """Without accents, in lower case, with a space for all that is no letter."""
    return re.sub(r"[^a-z]+", " ", bare(text))


def words_of(stem: str) -> list[str]:
    """In lower case; held_out is one."""
    return re.findall(r"[^\W\d_]+", re.sub(r"(h[eo]ld)[\W_]out", r"\1out", stem.lower()))
