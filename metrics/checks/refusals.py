"""Finds refusals: texts in which a model declines, in several languages. They must not become rows."""

import re
import unicodedata

from programs.core.row import Candidate, Drop

BEGINNING = 240  # characters: a refusal is within the first ones

_OBJECT = r"(?:that|this|these|those|such|it|the request|your (?:request|question|query)|any|anything)\b"
_THINGS = r"(?:information|advice|instructions?|content|assistance|help|guidance|opinions?|details)\b"
_ENGLISH = (
    r"(?:(?:i'm|i am|we're|we are) (?:(?:very |so |really |truly |deeply )?sorry|afraid)|sorry|(?:i|we) apologi[sz]e"
    r"|(?:my |our )?apologies"
    r"|unfortunately|regrettably|i regret(?: to say)?|as an? (?:ai|artificial intelligence|language model|large"
    r" language "
    r"model|virtual assistant)[^.,\n]{0,40}|i understand[^.\n]{0,80})?(?: for [^.,\n]{0,40})?[,.:;!]?\s*(?:but"
    r"|however|that)?,?\s*"
    r"(?:(?:i|we) (?:just |simply |really )?"
    r"(?:cannot|can not|can't|cant|could not|couldn't|won't|will not|would not|(?:am|are) (?:unable|not able|not"
    r" allowed|"
    r"not permitted|not comfortable|not in a position)(?: to)?|must decline|have to decline|must refuse)"
    r"|(?:i'm|we're) (?:unable|not able|not allowed|not permitted|not comfortable|not in a position)(?: to)?) ?"
    r"(?:to |be able to )?"
    rf"(?:(?:assist|help)(?:ing)?(?: you)?(?: with {_OBJECT}| with (?:\w+ ){{0,3}}request|\s*(?:[.!,;]|\Z))"
    rf"|(?:fulfil+|comply with|complete|process|answer|respond to|engage (?:in|with)|support|do|provide|generate"
    rf"|create|"
    rf"write|produce|offer|give|share|discuss|continue with|participate in)(?:ing)? (?:you )?(?:with )?"
    rf"(?:{_OBJECT}|(?:\w+ ){{0,3}}{_THINGS}|(?:\w+ ){{0,2}}requests?\b)"
    rf"|{_OBJECT})"
)
_AS_AN_AI = (
    r"(?:(?:i'm |i am )?(?:very |so |really )?sorry[,.]? (?:but )?)?"
    r"as an? (?:ai|artificial intelligence|(?:large )?language model|virtual"
    r" assistant)\b[^.\n]{0,40}?,? "
    r"(?:i|it)\b(?:'m| am| do| can|'s| is| don't| cannot| won't| have| must)"
)
_LIMITS = (
    r"(?:i'm sorry,? (?:but )?)?i (?:do not|don't) have (?:personal (?:opinions|feelings|beliefs|experiences)|the"
    r" ability to|"
    r"access to (?:the internet|real[- ]time|external|your))|i'm (?:just|only) an ai\b|(?:sorry, )?(?:but )?(?:that"
    r"|this|it) "
    r"(?:goes against|violates|would violate) (?:my|our) (?:guidelines|programming|policy|policies)"
)
_DECLINING = (
    r"i (?:must (?:respectfully )?|have to |respectfully )?(?:decline|refuse)(?: to (?:answer|help|assist|comply"
    r"|respond|do|provide|generate|create|write|engage|discuss)(?: (?:with )?(?:that|this|it|your \w+|this \w+))?)?"
    r"\s*(?:[.!]|\Z)|i (?:do not|don't) feel comfortable (?!in\b)\w+ing\b"
    r"|i(?:'d| would) (?:rather|prefer) not(?: to)?(?: (?:answer|say|do|discuss|help|comply|respond)[^.\n]{0,30})?"
    r"(?:[.!]|\Z)"
    r"|unable to (?:comply|assist|help)(?: with)?(?: (?:this|that|the|your)(?: \w+)?)?\s*(?:[.!]|\Z)"
)
_GERMAN = (
    r"(?:(?:es )?tut mir (?:sehr )?leid|entschuldig(?:ung|e|en sie)|leider|als (?:eine?"
    r" )?ki\b[^.,\n]{0,30})?[,.:]?\s*"
    r"(?:aber|doch|dass)?,?\s*(?:(?:dabei|damit|dazu|das|darauf|hierbei|hier) )?"
    r"(?:ich kann|kann ich|ich bin nicht in der lage|ich darf)\b[^.\n]{0,60}"
    r"(?:nicht|in der lage)\b[^.\n]{0,40}\b(?:helfen|weiterhelfen|behilflich|unterstützen|beantworten|erfüllen"
    r"|nachkommen)"
    r"|als (?:eine? )?(?:ki|künstliche intelligenz|sprachmodell)\b[^.\n]{0,40}(?:habe|kann|bin) ich"
)
_SPANISH = (
    r"(?:lo siento(?: mucho)?|lamento|perdón|disculpa|lamentablemente)?[,.:]?\s*(?:pero|que)?,?\s*no (?:puedo|me es"
    r" posible)"
    r" (?:ayudar|ayudarte|ayudarle|asistir|asistirte|cumplir|responder|proporcionar|generar|crear"
    r"|ofrecer)\b[^.\n]{0,20}"
    r"\b(?:eso|esto|esa|ese|esta|este|su|tu|solicitud|petición|información)\b"
    r"|lo siento(?: mucho)?[,.]? (?:pero )?no puedo(?: hacer(?:lo| eso| esto))?\s*(?:[.!]|\Z)"
    r"|como (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje)\b[^.\n]{0,40}\bno (?:puedo|tengo)"
)
_FRENCH = (
    r"(?:je suis (?:vraiment )?désolée?|désolée?|je m'excuse|malheureusement)?[,.:]?\s*(?:mais)?,?\s*je (?:ne peux(?:"
    r" pas)?|ne suis "
    r"pas en mesure de)\b[^.\n]{0,20}(?:aider|répondre|fournir|satisfaire|assister)\b[^.\n]{0,30}\b(?:cela|ça|cette"
    r"|ce|votre)\b"
    r"|en tant qu(?:e |')(?:ia|intelligence artificielle|modèle de langage)\b"
)
_OTHERS = (
    r"(?:mi dispiace|desculpe|sinto muito|lamento)[,.]?\s*(?:ma|mas)?\s*"
    r"(?:non posso|não posso|não consigo) (?:aiutar|ajudar|soddisfare|atender)",
    r"(?:很|非常|十分)?(?:抱歉|对不起|遗憾)[,。]?\s*(?:但|不过)?我?(?:无法|不能|不便)"
    r"(?:为您|为你|回答|帮助|协助|提供|满足|完成|处理|继续)",
    r"我(?:无法|不能)(?:回答|帮助|协助|提供|满足|完成|处理)(?:这|此|该|您|你)",
    r"作为(?:一个|一名)?(?:ai|人工智能|语言模型)",
    r"申し訳(?:ありません|ございません)[^。\n]{0,40}(?:できません|できかねます|いたしかねます)",
    r"(?:क्षमा करें|क्षमा कीजिए|माफ़? कीजिए|मुझे खेद है)[^।\n]{0,60}(?:नहीं कर सकत|असमर्थ|नहीं दे सकत)",
    r"(?:извините|простите|к сожалению)[,.]?\s*(?:но )?я не (?:могу|в состоянии) "
    r"(?:помочь|выполнить|ответить|предоставить)",
    r"죄송(?:하지만|합니다)[^.\n]{0,40}(?:수 없|못합니다)",
)
_REFUSAL = re.compile("|".join((_ENGLISH, _AS_AN_AI, _LIMITS, _DECLINING, _GERMAN, _SPANISH, _FRENCH, *_OTHERS)))
_HESITATION = re.compile(r"^(?:(?:hm+|um+|uh+|well|ok(?:ay)?|ah|oh)\b[\s,.!:;\u2026-]*)+")
_QUOTES = str.maketrans("\u2018\u2019\u201b\u02bc\uff07`´\u201c\u201d", "'''''''\"\"")


def refusal(candidate: Candidate) -> Drop | None:
    """The first text of the row in which the model declines. A text that only speaks about refusing is no refusal: it
    begins otherwise, or the document (for a response, also the prompt) has such words."""
    document, request = candidate.document or "", candidate.request
    response_context = f"{document}\n{request}"
    texts = ((getattr(candidate, "input", ""), document), (request, document), (candidate.response, response_context))
    for text, context in texts:
        if _declines(text) and not _REFUSAL.search(_plain(context)):
            return Drop(step="veto", reason="refusal", detail=f"the model declines: {' '.join(text.split())[:80]!r}")
    return None


def _declines(text: str) -> bool:
    plain = _HESITATION.sub("", _plain(text[: 2 * BEGINNING]).lstrip(" *_-\n"))
    quoted = len(text) < BEGINNING and re.fullmatch(r"(['\"])(?:[^'\"]|'(?=\w))*\1", plain.rstrip(" *_-\n"))
    return bool(_REFUSAL.match(plain.lstrip("'\"") if quoted else plain))


def _plain(text: str) -> str:
    """The text in lower case, without emphasis and invisible characters."""
    common = unicodedata.normalize("NFKC", text.translate(_QUOTES)).lower()
    return "".join(mark for mark in common if mark not in "*_" and unicodedata.category(mark) != "Cf")
