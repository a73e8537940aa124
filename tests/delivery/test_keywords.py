"""STOP, START and HELP, however people write them; and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.keywords import WORDS, Meaning, language, meaning

EVERY = sorted(
    (word, found) for words in WORDS.values() for found, ways in words.items() for word in ways
)


@pytest.mark.parametrize(
    "word",
    ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe", "stopall", "STOPP"],
)
@pytest.mark.parametrize(
    "written", ["{}", " {}\n", "{}.", "{}!!!", "“{}”", "'{}'", "({})", "*{}* 🙏", "\u200b{}"]
)
def test_a_stop_is_a_stop_however_it_is_written(word: str, written: str) -> None:
    for cased in (word, word.upper(), word.title()):
        assert meaning(written.format(cased)) is Meaning.STOP


@pytest.mark.parametrize(
    "text", [
        "OPT-OUT", "Opt  Out", "opt_out", "optout", "opt – out", "Stop all", "STOP ALL.",
        "stop.all", "Please, stop!", "Stop... please", "Bitte: STOPP", "Desabonner", "Ｓｔｏｐ",
    ],
)  # fmt: skip
def test_gaps_hyphens_and_commas_do_not_matter(text: str) -> None:
    assert meaning(text) is Meaning.STOP


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("START", Meaning.START),
        ("unstop", Meaning.START),
        ("Yes!", Meaning.START),
        ("HELP", Meaning.HELP),
        ("info?", Meaning.HELP),
        ("Hilfe", Meaning.HELP),
    ],
)
def test_so_are_start_and_help(text: str, meant: Meaning) -> None:
    assert meaning(text) is meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "?!",
        "Don't stop",
        "Stop by the shop on Friday",
        "the end",
        "yes, but later",
        "I need help with my order",
        "cancel my order",
        "stopping",
        "non-stop",
        "infos",
        "STOP " + "!" * 100,
        "s t o p",
    ],
)
def test_what_says_anything_else_means_nothing(text: str) -> None:
    assert meaning(text) is None


def test_a_word_is_of_the_language_that_has_it() -> None:
    assert (language("STOP"), language("Abmelden!"), language("Arrêt"), language("Hm")) == (
        "en", "de", "fr", "en",
    )  # fmt: skip


@pytest.mark.parametrize(("word", "found"), EVERY)
def test_no_word_means_two_things(word: str, found: Meaning) -> None:
    assert meaning(word) is found
    assert [other for same, other in EVERY if same == word] == [found]


@given(st.text(max_size=80))
def test_any_text_can_be_looked_at(text: str) -> None:
    assert meaning(text) in (*Meaning, None)
