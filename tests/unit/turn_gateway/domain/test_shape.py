import time

import pytest

from focal_turn_gateway.domain import lexicon
from focal_turn_gateway.domain.shape import Shape, judge, words

GREETING, FRAGMENT, ENTITY = Shape.GREETING, Shape.FRAGMENT, Shape.ENTITY
COMPLETE, SHORT, LIKELY = Shape.COMPLETE, Shape.SHORT, Shape.LIKELY

SAID = {
    "en": [
        (GREETING, ["hi", "Hello!", "HEY 👋", "hi, good morning :)", "Hi there"]),
        (
            FRAGMENT,
            ["so I was thinking...", "well,", "the thing is -", "I need these:", "and then…", "ok — "],
        ),
        (
            ENTITY,
            ["I want to return my order", "my order #", "ticket number", "Order ID", "my case number is"],
        ),
        (
            COMPLETE,
            ["Where is it?", "It broke.", "Help!", "cancel it please", "ok thanks :)", "Is it “new?”"],
        ),
        (SHORT, ["10003", "blue shoes", "👍", "in case"]),
        (
            LIKELY,
            [
                "I would like to return the shoes",
                "they came broken on Friday",
                "order 10003 is late",
                "just in case",
            ],
        ),
    ],
    "es": [
        (GREETING, ["hola", "¡Hola!", "Buenos días", "buenas tardes", "hola, qué tal"]),
        (FRAGMENT, ["quería preguntar…", "es que,", "necesito lo siguiente:"]),
        (ENTITY, ["quiero devolver mi pedido", "mi número de pedido es", "Factura nº", "el pedido #"]),
        (
            COMPLETE,
            ["¿Dónde está?", "dónde está mi paquete¿", "No llegó.", "muchas gracias", "ayúdame por favor"],
        ),
        (SHORT, ["zapatos azules"]),
        (LIKELY, ["quiero devolver los zapatos azules"]),
    ],
    "pt": [
        (GREETING, ["olá", "Oi!", "bom dia", "Olá, tudo bem?", "ola"]),
        (FRAGMENT, ["eu queria saber...", "então,"]),
        (ENTITY, ["quero devolver minha encomenda", "o número do pedido é", "pedido nº"]),
        (COMPLETE, ["Onde está?", "muito obrigada", "me ajuda por favor", "Não chegou."]),
        (SHORT, ["sapatos azuis"]),
        (LIKELY, ["quero devolver os sapatos azuis"]),
    ],
    "fr": [
        (GREETING, ["bonjour", "Bonsoir !", "Salut", "coucou 😊", "Bonjour, bonsoir"]),
        (FRAGMENT, ["je voulais savoir…", "alors,", "voici la liste :"]),
        (ENTITY, ["je veux renvoyer ma commande", "mon numéro de commande est", "dossier n°"]),
        (
            COMPLETE,
            ["Où est-elle ?", "merci beaucoup", "aidez-moi s’il vous plaît", "aidez moi s'il vous plait"],
        ),
        (SHORT, ["chaussures bleues"]),
        (LIKELY, ["je veux renvoyer les chaussures bleues"]),
    ],
    "de": [
        (GREETING, ["hallo", "Guten Tag!", "Moin moin", "Grüß Gott", "GRÜSS GOTT"]),
        (FRAGMENT, ["ich wollte fragen...", "also,", "folgendes:", "das ist so –"]),
        (ENTITY, ["ich möchte meine Bestellung", "Meine Bestellnummer ist", "Ticket Nr", "Auftrag #"]),
        (COMPLETE, ["Wo ist sie?", "vielen Dank", "Hilfe bitte", "Es ist kaputt.", "Dankeschön"]),
        (SHORT, ["blaue Schuhe"]),
        (LIKELY, ["ich möchte die blauen Schuhe zurückgeben", "das geht auf jeden Fall"]),
    ],
    "ar": [
        (GREETING, ["مرحبا", "السلام عليكم", "صباح الخير!", "أهلاً"]),
        (FRAGMENT, ["أريد أن أسأل…", "أريد أن أعيد الحذاء،"]),
        (ENTITY, ["أين رقم الطلب", "رقم طلبي هو", "أريد إلغاء طلبي"]),
        (COMPLETE, ["أين طلبي؟", "شكراً", "شكرا جزيلا", "ساعدني من فضلك", "وصل الحذاء مكسورا۔"]),
        (SHORT, ["حذاء أزرق"]),
        (LIKELY, ["أريد أن أعيد الحذاء الأزرق"]),
    ],
    "hi": [
        (GREETING, ["नमस्ते", "नमस्कार!", "हैलो", "सुप्रभात", "Namaste"]),
        (FRAGMENT, ["मैं पूछना चाहता था...", "मुझे यह चाहिए,"]),
        (ENTITY, ["मेरा ऑर्डर", "ऑर्डर नंबर", "मेरा टिकट नंबर #"]),
        (COMPLETE, ["मेरा सामान कहाँ है?", "जूते टूटे हुए आए।", "बहुत धन्यवाद", "मदद कीजिए प्लीज", "समाप्त॥"]),
        (SHORT, ["नीले जूते"]),
        (LIKELY, ["मैं नीले जूते वापस करना चाहता हूँ"]),
    ],
    "zh": [
        (GREETING, ["你好", "您好！", "早上好", "你好，在吗？", "哈喽"]),
        (FRAGMENT, ["我想问一下……", "我想退货，", "商品有，红色、", "如下：", "这个嘛。。。"]),
        (ENTITY, ["我要退订单", "我的订单号是", "订单号：#", "工单"]),
        (COMPLETE, ["订单在哪里？", "鞋子坏了。", "谢谢您", "能退货吗", "帮帮我！"]),
        (SHORT, ["退货", "蓝鞋子"]),
        (LIKELY, ["我想要退掉上周买的蓝色鞋子", "我要退货"]),
    ],
    "ja": [
        (GREETING, ["こんにちは", "おはようございます！", "お世話になっております", "こんばんは。"]),
        (FRAGMENT, ["質問があるのですが…", "靴を買ったのですが、", "商品は次の通り：", "靴ですが、、"]),
        (ENTITY, ["返品したい注文", "注文番号は", "注文番号"]),
        (
            COMPLETE,
            [
                "靴はどこですか？",
                "壊れていました。",
                "ありがとうございます",
                "お願いします",
                "返品できますか",
            ],
        ),
        (SHORT, ["返品", "青い靴"]),
        (LIKELY, ["先週買った青い靴を返品したいのに"]),
    ],
}


@pytest.mark.parametrize(
    ("shape", "text"), [(shape, text) for said in SAID.values() for shape, texts in said for text in texts]
)
def test_messages_of_each_language_have_their_shape(shape: Shape, text: str) -> None:
    assert judge(text) is shape


@pytest.mark.parametrize("language", lexicon.LANGUAGES)
def test_each_language_is_judged_by_examples_of_every_shape(language: str) -> None:
    assert {shape for shape, _ in SAID[language]} == set(Shape)


@pytest.mark.parametrize("language", lexicon.LANGUAGES)
def test_every_greeting_and_every_closing_is_recognised_as_it_stands(language: str) -> None:
    entries = lexicon.LANGUAGES[language]
    assert {judge(greeting) for greeting in entries.greetings} == {Shape.GREETING}
    assert {judge(closing) for closing in entries.closings} == {Shape.COMPLETE}


def test_width_case_accents_and_composition_do_not_matter() -> None:
    assert judge("ＨＥＬＬＯ！") is GREETING
    assert judge("buenos dias") is judge("BUENOS DI\u0301AS") is GREETING
    assert judge("どこ？") is judge("どこ?") is COMPLETE
    assert judge("ｗｅｌｌ，") is FRAGMENT


def test_words_of_scripts_without_spaces_are_counted_by_their_letters() -> None:
    assert words("我要退货") == 3
    assert words("退货") == 1
    assert words("ฉันต้องการคืนสินค้า") >= 3
    assert words("สวัสดี") < 3
    assert words("返品したいです") >= 3
    assert words("l'ordre d'achat") == 2
    assert words("नमस्ते दोस्त") == 2
    assert words("") == 0


def test_thai_without_spaces_is_not_short() -> None:
    assert judge("ฉันต้องการคืนสินค้าที่ซื้อเมื่อสัปดาห์ที่แล้ว") is LIKELY


@pytest.mark.parametrize(
    "text", ["", " ", "\n", "👍🏽", "👩\u200d👧", ":)", "...", "#", "'", "\u0301", "\ud7a3" * 3]
)
def test_texts_of_marks_alone_are_judged_without_fail(text: str) -> None:
    assert judge(text) in set(Shape)


def test_an_emoticon_is_no_colon() -> None:
    assert judge("they came broken on friday :(") is LIKELY
    assert judge("they came broken on friday :") is FRAGMENT


def test_a_long_message_costs_no_more_than_a_short_one() -> None:
    started = time.perf_counter()
    for _ in range(100):
        judge("ﷺ" * 10_000)
    assert time.perf_counter() - started < 2
