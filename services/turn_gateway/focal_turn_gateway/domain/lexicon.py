"""Words and marks that tell how a customer's message ends, by language.

Data only; `shape` reads it. The language of a message is not known when it is judged, so a message is held against
all of them at once, and a word that means something else elsewhere (German "Fall", as in "auf jeden Fall") is left
out. Entries are written as people write them and folded (`fold`) once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

SENTENCE_ENDS = frozenset(".?!؟。｡？！।॥۔¿¡‼⁇⁈⁉።፧။។՞")
"""Marks that end a sentence or a question. In haste people end a Spanish question with the opening mark."""
GOES_ON = frozenset(",،、，:：-‐–—―−⋯")
"""Commas, dashes and colons: what ends in one of them has not ended."""
ELLIPSES = ("..", "。。", "⋯", "…", "・・")
_QUOTES = {ord(mark): "'" for mark in "’‘ʼ´`"}
_DROPPED_MARKS = frozenset([*map(chr, range(0x0300, 0x0370)), *map(chr, range(0x064B, 0x0653)), "\u0640"])
"""Latin accents, Arabic vowel signs and the Arabic stretcher: as often left out as written."""


@dataclass(frozen=True, slots=True)
class Words:
    """One language: greetings; words of thanks and please; things that have a number; what may stand between
    such a thing and its number; endings that close a sentence or make a question without a mark.
    """

    greetings: tuple[str, ...]
    closings: tuple[str, ...]
    entities: tuple[str, ...]
    links: tuple[str, ...] = ()
    finals: tuple[str, ...] = ()


LANGUAGES: Mapping[str, Words] = {
    "en": Words(
        ("hi", "hello", "hey", "hiya", "howdy", "yo", "greetings", "good morning", "good afternoon",
         "good evening", "good day", "morning", "hi there", "hello there", "hey there", "hi all", "hello all",
         "hi everyone", "hello everyone", "hey guys", "hi guys", "hi team", "hello team"),
        ("please", "pls", "plz", "thanks", "thank you", "thx", "ty", "many thanks", "thanks a lot", "cheers",
         "thank you so much", "thanks so much", "thanks in advance"),
        ("order", "ticket", "case", "id", "reference", "invoice", "booking", "tracking"),
        ("number", "no", "nr", "num", "id", "code", "is"),
    ),
    "es": Words(
        ("hola", "buenas", "buenos días", "buen día", "buenas tardes", "buenas noches", "muy buenas",
         "hola a todos", "qué tal", "saludos", "holi"),
        ("gracias", "muchas gracias", "mil gracias", "por favor", "porfa", "porfavor", "gracias de antemano"),
        ("pedido", "orden", "ticket", "tique", "incidencia", "factura", "reserva", "referencia",
         "número de pedido", "número de orden", "número de caso", "mi caso"),
        ("número", "núm", "nº", "no", "código", "es"),
    ),
    "pt": Words(
        ("olá", "oi", "oie", "bom dia", "boa tarde", "boa noite", "e aí", "opa", "alô", "tudo bem", "oi tudo bem",
         "olá tudo bem"),
        ("obrigado", "obrigada", "muito obrigado", "muito obrigada", "obg", "valeu", "por favor", "por gentileza",
         "se faz favor"),
        ("pedido", "encomenda", "chamado", "protocolo", "fatura", "reserva", "número do pedido", "meu caso",
         "número do caso"),
        ("número", "nº", "código", "é"),
    ),
    "fr": Words(
        ("bonjour", "bonsoir", "salut", "coucou", "allô", "bonjour à tous", "re bonjour", "rebonjour", "bjr"),
        ("merci", "merci beaucoup", "mille mercis", "merci d'avance", "s'il vous plaît", "s'il te plaît", "svp",
         "stp"),
        ("commande", "ticket", "dossier", "facture", "réservation", "référence", "numéro de commande",
         "numéro de dossier", "identifiant"),
        ("numéro", "num", "n°", "nº", "est"),
    ),
    "de": Words(
        ("hallo", "hallöchen", "guten tag", "guten morgen", "guten abend", "moin", "moin moin", "servus", "grüezi",
         "grüß gott", "grüß dich", "hallo zusammen", "tag"),
        ("danke", "dankeschön", "danke schön", "danke sehr", "vielen dank", "besten dank", "bitte", "merci",
         "danke im voraus"),
        ("bestellung", "auftrag", "ticket", "vorgang", "rechnung", "buchung", "bestellnummer", "auftragsnummer",
         "ticketnummer", "vorgangsnummer", "rechnungsnummer", "kundennummer", "fallnummer"),
        ("nummer", "nr", "ist", "lautet"),
    ),
    "ar": Words(
        ("مرحبا", "مرحبًا", "أهلا", "اهلا", "أهلا وسهلا", "اهلا وسهلا", "هلا", "سلام", "السلام عليكم",
         "السلام عليكم ورحمة الله", "السلام عليكم ورحمة الله وبركاته", "صباح الخير", "مساء الخير"),
        ("شكرا", "شكرًا", "شكرا جزيلا", "شكرا لك", "شكرا لكم", "من فضلك", "من فضلكم", "لو سمحت", "لو سمحتم",
         "رجاء", "الرجاء"),
        ("طلب", "الطلب", "طلبي", "تذكرة", "التذكرة", "الفاتورة", "رقم الطلب", "رقم طلبي", "رقم التذكرة",
         "رقم الحالة", "رقم القضية", "المعرف"),
        ("رقم", "هو", "هي"),
    ),
    "hi": Words(
        ("नमस्ते", "नमस्कार", "प्रणाम", "हैलो", "हेलो", "हाय", "सुप्रभात", "शुभ प्रभात", "शुभ संध्या", "राम राम",
         "namaste", "namaskar"),
        ("धन्यवाद", "बहुत धन्यवाद", "शुक्रिया", "बहुत शुक्रिया", "कृपया", "प्लीज", "प्लीज़", "थैंक्स", "थैंक यू",
         "dhanyavad", "shukriya"),
        ("ऑर्डर", "आर्डर", "टिकट", "केस", "आईडी", "बिल", "बुकिंग", "शिकायत संख्या", "ऑर्डर संख्या"),
        ("नंबर", "नम्बर", "संख्या", "आईडी"),
        ("क्या", "क्यों", "कब", "कहाँ"),
    ),
    "zh": Words(
        ("你好", "您好", "妳好", "你们好", "大家好", "嗨", "哈喽", "哈囉", "喂", "早", "早上好", "早安", "中午好", "下午好",
         "午安", "晚上好", "在吗", "在嗎", "有人吗", "请问", "請問"),
        ("谢谢", "謝謝", "谢谢你", "谢谢您", "謝謝你", "謝謝您", "多谢", "多謝", "感谢", "感謝", "拜托", "拜託", "麻烦了",
         "麻煩了", "麻烦你了", "麻烦您了"),
        ("订单", "訂單", "订单号", "訂單號", "订单编号", "訂單編號", "工单", "工單", "工单号", "单号", "單號", "案例", "案件",
         "编号", "編號", "票号"),
        ("号", "號", "号码", "號碼", "编号", "是", "为"),
        ("吗", "嗎", "呢", "么", "麼", "吧"),
    ),
    "ja": Words(
        ("こんにちは", "こんにちわ", "こんばんは", "おはよう", "おはようございます", "はじめまして", "もしもし", "どうも",
         "すみません", "失礼します", "お世話になります", "お世話になっております", "ハロー"),
        ("ありがとう", "ありがとうございます", "ありがとうございました", "どうもありがとう", "お願いします",
         "お願いいたします", "お願い致します", "おねがいします", "よろしく", "ください", "下さい"),
        ("注文", "ご注文", "注文番号", "オーダー", "チケット", "ケース", "案件", "予約番号", "お問い合わせ番号", "受付番号", "伝票番号"),
        ("番号", "は", "が", "の番号"),
        ("ですか", "ますか", "ませんか", "ましたか", "でしょうか", "かな", "です", "ます", "ました", "ません"),
    ),
}  # fmt: skip

NOT_ENTITIES = (
    "in case",
    "that case",
    "this case",
    "any case",
    "the case",
    "each case",
    "which case",
    "in order",
)
"""Turns of phrase that end in a word for a thing with a number and announce none."""


def fold(text: str) -> str:
    """The text as it is compared: NFKC, casefolded, one apostrophe, and without the accents and vowel signs that
    people leave out as often as not. Indic and Thai vowels stay: there they are letters.
    """
    compatible = unicodedata.normalize("NFKC", text.translate(_QUOTES)).casefold()
    bare = "".join(c for c in unicodedata.normalize("NFD", compatible) if c not in _DROPPED_MARKS)
    return unicodedata.normalize("NFC", bare)


def folded(kind: str) -> frozenset[str]:
    """All languages' entries of one kind, folded; `kind` is a field of `Words`."""
    return frozenset(fold(entry) for words in LANGUAGES.values() for entry in getattr(words, kind))
