"""What the phrases of the section `supersede` are unless a deployment says otherwise.

English, German, French, Spanish, Portuguese, Arabic, Hindi, Chinese and Japanese: the languages in which a
gateway hears the end of a thought. Only phrases that mean the same in nearly every sentence.
"""

CORRECTIONS = (
    *("i meant", "i mean", "i take that back", "scratch that", "never mind", "nevermind", "forget it"),
    *("forget that", "changed my mind", "change of plan", "my mistake", "my bad", "wrong order", "typo"),
    *("correction", "hold on", "wait", "stop", "cancel that", "rather not"),
    *("ich meinte", "ich meine", "doch nicht", "vergiss es", "vergessen sie", "stopp", "warte", "warten sie"),
    *("moment mal", "hab mich vertan", "habe mich vertan", "mein fehler", "korrektur"),
    *("je voulais dire", "oubliez", "oublie", "attendez", "attends", "finalement", "erreur de ma part"),
    *("quise decir", "me equivoqué", "olvídalo", "olvídelo", "espera", "espere", "mejor no", "perdón, era"),
    *("quis dizer", "me enganei", "esquece", "esqueça", "espere", "melhor não"),
    *("أقصد", "قصدت", "انتظر", "غيرت رأيي"),
    *("मेरा मतलब", "रुको", "रुकिए", "गलती से"),
    *("我是说", "我的意思是", "等一下", "等等", "算了", "说错了", "打错了"),
    *("待って", "間違え", "じゃなくて", "ではなくて", "やっぱり"),
)
REFUSALS = (
    *("no", "nope", "not that", "sorry, not", "actually", "nein", "non", "não", "en fait", "eigentlich"),
    *("en realidad", "na verdade", "لا", "नहीं", "不是", "不对", "其实", "いや", "違う", "ちがう"),
)
ADDITIONS = (
    *("and", "also", "plus", "or", "because", "with", "for", "to", "und", "auch", "außerdem", "oder", "weil"),
    *("et", "aussi", "ou", "parce que", "y", "también", "además", "porque", "e", "também", "ou"),
    *("و", "أيضا", "أيضًا", "और", "भी", "क्योंकि", "还有", "而且", "因为", "あと", "それと", "なぜなら"),
)
AGREEMENTS = (
    *(
        "yes",
        "yep",
        "yeah",
        "yup",
        "i confirm",
        "i agree",
        "confirmed",
        "agreed",
        "ja",
        "jawohl",
        "oui",
        "sí",
    ),
    *(
        "si, por favor",
        "sim",
        "d'accord",
        "de acuerdo",
        "نعم",
        "हाँ",
        "हां",
        "是的",
        "确认",
        "はい",
        "\N{THUMBS UP SIGN}",
    ),
)
"""Words that mean yes in any sentence: not `sure`, `ok` or `go ahead`, which "I'm not sure", "is that ok?"
and "don't go ahead" contain too.
"""
DECLINES = (
    *("no", "nope", "nah", "no thanks", "not now", "not yet", "do not", "don't", "dont", "stop", "cancel"),
    *(
        "never mind",
        "nevermind",
        "nein",
        "lieber nicht",
        "doch nicht",
        "non",
        "não",
        "nao",
        "لا",
        "नहीं",
        "不要",
    ),
    *("不是", "いいえ", "\N{THUMBS DOWN SIGN}"),
)
COURTESIES = (
    *(
        "please",
        "pls",
        "plz",
        "thanks",
        "thank you",
        "thanks a lot",
        "thank you so much",
        "thx",
        "ty",
        "cheers",
    ),
    *("asap", "many thanks", "in advance", "bitte", "danke", "vielen dank", "danke schön", "s'il vous plaît"),
    *("s'il te plaît", "svp", "stp", "merci", "merci beaucoup", "por favor", "gracias", "muchas gracias"),
    *("obrigado", "obrigada", "muito obrigado", "من فضلك", "شكرا", "شكرًا", "कृपया", "धन्यवाद", "शुक्रिया"),
    *("谢谢", "请", "多谢", "ありがとう", "ありがとうございます", "お願いします"),
)
OPEN_ENDINGS = (
    *(",", ":", ";", "-", "\N{EN DASH}", "\N{EM DASH}", "...", "…", "،", "؛", "、"),
    *("\N{FULLWIDTH COMMA}", "\N{FULLWIDTH COLON}"),
)
