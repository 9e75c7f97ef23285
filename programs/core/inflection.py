"""The forms of English words: of which words a form may be, by its ending or by a table of irregular ones.

The rules know no dictionary: they give every word that could have the form, and `hoping` may be of `hop` or `hope`.
"""

import functools
from collections.abc import Collection

ENDINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "verb": {
        **{"s": ("",), "es": ("",), "ies": ("y",)},
        **{"ed": ("", "e"), "ied": ("y",), "ing": ("", "e"), "ying": ("ie",)},
    },
    "noun": {"s": ("",), "es": ("",), "ies": ("y",), "ves": ("f", "fe")},
    "adjective": {
        **{"er": ("", "e"), "est": ("", "e"), "ier": ("y",), "iest": ("y",)},
        **{"ly": ("", "le", "e"), "ily": ("y",), "lly": ("ll",)},
    },
}
"""The class of a word -> the endings of its forms, each with what stands in the word in its place."""
SHORTEST = 2  # letters of a word
_DOUBLED = frozenset("bdgklmnprtz")  # consonants that are doubled before an ending: run, running

_IRREGULAR = {
    "verb": """
        begin began begun/bend bent/bite bit bitten/blow blew blown/break broke broken/bring brought/build built/
        burn burnt/buy bought/catch caught/choose chose chosen/cling clung/come came/creep crept/dig dug/dive dove/
        do does did done/draw drew drawn/dream dreamt/drink drank drunk/drive drove driven/eat ate eaten/
        fall fell fallen/feed fed/feel felt/fight fought/find found/fly flew flown/forget forgot forgotten/
        forgive forgave forgiven/freeze froze frozen/get got gotten/give gave given/go went gone/grow grew grown/
        hang hung/have has had/hear heard/hide hid hidden/hold held/keep kept/kneel knelt/know knew known/lay laid/
        lead led/lean leant/leap leapt/learn learnt/leave left/lend lent/lie lay lain/light lit/lose lost/make made/
        mean meant/meet met/mow mown/pay paid/ride rode ridden/ring rang rung/rise rose risen/run ran/say said/
        see saw seen/seek sought/sell sold/send sent/sew sewn/shake shook shaken/shine shone/show shown/
        sing sang sung/sink sank sunk/sit sat/sleep slept/slide slid/smell smelt/sneak snuck/speak spoke spoken/
        spend spent/spill spilt/spin spun/spring sprang sprung/stand stood/steal stole stolen/stick stuck/
        sting stung/sweep swept/swim swam swum/swing swung/take took taken/teach taught/tear tore torn/tell told/
        think thought/throw threw thrown/understand understood/wake woke woken/wear wore worn/weave wove woven/
        win won/wind wound/write wrote written""",
    "noun": "child children/foot feet/goose geese/man men/mouse mice/ox oxen/person people/snowman snowmen/tooth teeth/"
    "woman women",
    "adjective": "bad worse worst/far farther farthest further furthest/good better best well",
}
_SPELLINGS = """
    colour color/colourful colorful/cosy cozy/favourite favorite/grey gray/harbour harbor/marvellous marvelous/
    neighbour neighbor/pyjamas pajamas/tyre tire/yoghurt yogurt"""


def _by_form(table: str) -> dict[str, set[str]]:
    words: dict[str, set[str]] = {}
    for base, *forms in map(str.split, table.split("/")):
        for form in forms:
            words.setdefault(form, set()).add(base)
    return words


_WORDS = {kind: _by_form(table) for kind, table in _IRREGULAR.items()}
_BRITISH = _by_form(_SPELLINGS)


@functools.lru_cache(maxsize=20_000)
def bases(form: str, *kinds: str) -> frozenset[str]:
    """The words of which a lower-case form may be, itself included. `kinds`: verb, noun, adjective; none: any of them.

    A word before an apostrophe (`cat's`) counts as well, and so does the British spelling of an American one.
    """
    before = {form, form.partition("'")[0]}
    found = before.union(*(_stems(word, kind) for word in before for kind in kinds or ENDINGS))
    return frozenset(found.union(*(_BRITISH.get(word, ()) for word in found)))


def occurs(word: str, forms: Collection[str], *kinds: str) -> bool:
    """Whether one of these lower-case forms is of the word."""
    return any(word in bases(form, *kinds) for form in forms)


def _stems(form: str, kind: str) -> set[str]:
    stems = set(_WORDS[kind].get(form, ()))
    for ending, replacements in ENDINGS[kind].items():
        rest = form.removesuffix(ending)
        if not rest or rest == form:
            continue
        stems |= {rest + letters for letters in replacements}
        if ending[0] in "ei" and rest[-2:] == 2 * rest[-1] and rest[-1] in _DOUBLED:
            stems.add(rest[:-1])
    return {stem for stem in stems if len(stem) >= SHORTEST}
