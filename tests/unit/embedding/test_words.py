from focal_embedding import words


def test_case_width_and_accents_do_not_matter() -> None:
    assert words.split("RÜCKSENDUNG Devolución \uff21\uff22\uff23") == ["rucksendung", "devolucion", "abc"]


def test_punctuation_separates_and_underscores_do_too() -> None:
    assert words.split("order_id: #10003, please!") == ["order", "id", "10003", "please"]


def test_an_emoji_is_a_word() -> None:
    assert words.split("ok👍") == ["ok", "👍"]


def test_unspaced_scripts_yield_overlapping_pairs() -> None:
    assert words.split("返品したい") == ["返品", "品し", "した", "たい"]


def test_a_mixed_run_is_split_where_the_script_changes() -> None:
    assert words.split("iphoneを返す") == ["iphone", "を返", "返す"]


def test_vowel_marks_of_other_scripts_stay_in_their_word() -> None:
    assert words.split("मुझे रिफंड चाहिए") == ["मुझे", "रिफंड", "चाहिए"]


def test_korean_syllables_stay_whole() -> None:
    assert words.split("환불 해주세요") == ["환불", "해주세요"]


def test_text_without_words_yields_none() -> None:
    assert words.split(" …?! \n") == []
