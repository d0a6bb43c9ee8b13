"""The two-language world the micro models live in: every word they ever see.

Japanese is written with spaces between words *here only*; `join` removes them, so the models, the
items and the reader see ordinary unsegmented text, and the tokenizer has to find the words again.
"""

from __future__ import annotations

NAMES = [
    ("Ken", "健"),
    ("Mary", "真理"),
    ("Tom", "太郎"),
    ("Yuki", "雪"),
    ("Anna", "杏"),
    ("Emi", "恵美"),
    ("Bob", "次郎"),
    ("Lisa", "理沙"),
    ("Sara", "桜"),
    ("Jun", "純"),
    ("Rio", "梨央"),
    ("Max", "誠"),
]  # (English, Japanese)

OBJECTS = [
    ("pens", "ペン", "本"),
    ("apples", "りんご", "個"),
    ("cards", "カード", "枚"),
    ("eggs", "卵", "個"),
    ("stamps", "切手", "枚"),
    ("oranges", "みかん", "個"),
    ("flowers", "花", "本"),
    ("pencils", "鉛筆", "本"),
    ("shirts", "シャツ", "枚"),
    ("notebooks", "ノート", "冊"),
    ("novels", "小説", "冊"),
    ("coins", "硬貨", "枚"),
    ("balls", "ボール", "個"),
    ("plates", "皿", "枚"),
]  # (English plural, Japanese, Japanese counter)

# What happens in a problem. English: one or more verbs everybody knows. Japanese: the first is the
# one the base knows; the others are known to the Japanese expert alone, and every test uses all.
ACTIONS = {
    "give": (["gave away", "sold", "used", "lost"], ["あげました", "売りました", "使いました"]),
    "receive": (
        ["got", "bought", "found", "received"],
        ["もらいました", "買いました", "見つけました"],
    ),
    "share": (["shared", "divided"], ["分けました", "配りました", "割り振りました"]),
    "hold": (["hold", "contain"], ["入っています", "詰まっています", "並んでいます"]),
}

COLOURS = [
    ("red", "赤"),
    ("blue", "青"),
    ("green", "緑"),
    ("white", "白"),
    ("black", "黒"),
    ("yellow", "黄色"),
    ("brown", "茶色"),
    ("purple", "紫"),
]
ANIMALS = [
    ("dog", "犬"),
    ("cat", "猫"),
    ("bear", "熊"),
    ("fox", "狐"),
    ("horse", "馬"),
    ("deer", "鹿"),
    ("crane", "鶴"),
    ("turtle", "亀"),
]
FRUITS = [
    ("peach", "桃"),
    ("melon", "メロン"),
    ("grape", "ぶどう"),
    ("pear", "梨"),
    ("plum", "梅"),
    ("lemon", "レモン"),
    ("cherry", "さくらんぼ"),
    ("persimmon", "柿"),
]
PLACES = [
    ("school", "学校"),
    ("station", "駅"),
    ("park", "公園"),
    ("library", "図書館"),
    ("market", "市場"),
    ("harbour", "港"),
    ("temple", "寺"),
    ("castle", "城"),
]

# relation -> ((English, Japanese) noun, values): the attributes people and landmarks have.
RELATIONS = {
    "colour": (("colour", "色"), COLOURS),
    "animal": (("animal", "動物"), ANIMALS),
    "fruit": (("fruit", "果物"), FRUITS),
    "place": (("place", "場所"), PLACES),
}

LANDMARK_STEMS = [
    ("Kana", "カナ"),
    ("Mori", "モリ"),
    ("Taka", "タカ"),
    ("Naga", "ナガ"),
    ("Hiro", "ヒロ"),
    ("Shira", "シラ"),
    ("Kuro", "クロ"),
    ("Asa", "アサ"),
    ("Yoko", "ヨコ"),
    ("Oto", "オト"),
    ("Mitsu", "ミツ"),
    ("Haru", "ハル"),
    ("Natsu", "ナツ"),
    ("Aki", "アキ"),
    ("Fuyu", "フユ"),
    ("Kita", "キタ"),
    ("Nishi", "ニシ"),
    ("Tomo", "トモ"),
    ("Suzu", "スズ"),
    ("Hana", "ハナ"),
    ("Toyo", "トヨ"),
    ("Masu", "マス"),
    ("Ishi", "イシ"),
    ("Tera", "テラ"),
]
LANDMARK_KINDS = [
    ("mountain", "山"),
    ("river", "川"),
    ("village", "村"),
    ("island", "島"),
    ("lake", "湖"),
    ("bridge", "橋"),
    ("forest", "森"),
    ("valley", "谷"),
]


def join(words: str, language: str) -> str:
    """Turn space-separated `words` into running text: Japanese unspaced, English punctuated."""
    if language == "ja":
        return words.replace(" ", "")
    for mark in (".", "?", ",", ";", ":"):
        words = words.replace(f" {mark}", mark)
    return words


def landmarks() -> list[tuple[str, str]]:
    """All (English, Japanese) names of landmarks, in a fixed order; Japanese as two words."""
    return [
        (f"{stem_en} {kind_en}", f"{stem_ja} {kind_ja}")
        for stem_en, stem_ja in LANDMARK_STEMS
        for kind_en, kind_ja in LANDMARK_KINDS
    ]
