"""What cases teach: which macro words call for, how sure that is, and how little is kept."""

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.suggestions import history, replay
from bot.likeness import (
    BUCKETS,
    LEAST,
    MOST_FEATURES,
    Likeness,
    circumstances,
    features,
    habit,
    packed,
    unpacked,
    worth_offering,
)

PARCEL = ("Де моє замовлення?", "Коли приїде посилка?", "Де посилка, вже тиждень чекаю", "Где мой заказ?")
SIZES = ("Які розміри скриньки?", "Скільки сантиметрів велика?", "Какие размеры?", "What sizes do you have?")


def learned(macro_id, texts, *, age=1.0, owner_id=None, own=()):
    return habit(macro_id, owner_id, own, [(tuple(features(text)), age) for text in texts])


def fitting(model, text, around=(), **options):
    return model.fitting(features(text), circumstances(around), **options)


def likeliest(model, text):
    return fitting(model, text)[0][0]


def test_like_words_call_for_what_was_sent_to_them():
    model = Likeness([learned("parcel", PARCEL), learned("sizes", SIZES)])
    asked = {
        "а де посилка": "parcel",
        "где посылка???": "parcel",
        "ДЕ МОЄ ЗАМОВЛЕННЯ": "parcel",
        "розмри середньої": "sizes",
        "what size is it": "sizes",
    }
    assert {text: likeliest(model, text) for text in asked} == asked


def test_likelihoods_are_shares_of_one_and_leave_room_for_none_of_them():
    model = Likeness([learned("parcel", PARCEL), learned("sizes", SIZES)])
    ranked = fitting(model, "Де посилка?")
    assert sum(likelihood for _, likelihood in ranked) < 1
    assert ranked == sorted(ranked, key=lambda one: -one[1])
    assert ranked[0][1] > 0.5 > ranked[1][1]


def test_a_macro_without_cases_is_known_by_its_own_words_until_there_are_some():
    own = features("Розміри скриньок. Мала: 18×12×8 см")
    fresh = learned("sizes", (), own=own)
    model = Likeness([learned("parcel", PARCEL), fresh, learned("pay", (), own=features("Оплата карткою"))])
    assert likeliest(model, "які розміри?") == "sizes"
    used_otherwise = learned("sizes", ["До котрої ви працюєте?"] * 30, own=own)
    model = Likeness([learned("parcel", PARCEL), used_otherwise])
    assert likeliest(model, "до котрої працюєте сьогодні") == "sizes"


def test_what_nothing_is_known_of_is_nothing():
    assert fitting(Likeness([]), "Доброго дня") == []
    model = Likeness([learned("parcel", PARCEL), learned("sizes", SIZES)])
    assert fitting(model, "zzzz qqqq") == []


def test_noise_is_not_offered():
    assert worth_offering([]) == []
    assert worth_offering([("a", LEAST / 4), ("b", LEAST / 4), ("c", LEAST / 4), ("d", LEAST / 4)]) == []
    assert worth_offering([("a", 0.6), ("b", 0.2), ("c", 0.001)]) == [("a", 0.6), ("b", 0.2)]
    many = Likeness([learned(f"m{n}", ["Доброго дня"]) for n in range(20)])
    assert worth_offering(fitting(many, "Доброго дня")) == []


def test_newer_cases_weigh_more():
    model = Likeness([learned("old", PARCEL, age=720), learned("new", PARCEL, age=1)])
    assert likeliest(model, "Де моє замовлення?") == "new"


def test_what_is_sent_often_comes_before_what_fits_as_well():
    model = Likeness([learned("often", PARCEL * 5), learned("seldom", PARCEL)])
    assert likeliest(model, "Де моє замовлення?") == "often"


def sent_when(macro_id, order):
    seen = {**features("Ну що там?"), **circumstances([order])}
    return habit(macro_id, None, (), [(tuple(seen), 1.0)] * 9)


def test_circumstances_decide_between_like_words():
    model = Likeness([sent_when("wait", "order:confirmed"), sent_when("track", "order:shipped")])
    assert fitting(model, "Ну що там?", ["order:shipped"])[0][0] == "track"
    assert fitting(model, "Ну що там?", ["order:confirmed"])[0][0] == "wait"


def test_circumstances_alone_call_for_nothing():
    model = Likeness([sent_when("wait", "order:confirmed"), sent_when("track", "order:shipped")])
    assert fitting(model, "zzzz", ["order:shipped"]) == []


def test_only_what_may_be_offered_is_ranked():
    model = Likeness([learned("mine", PARCEL, owner_id="m1"), learned("theirs", PARCEL, owner_id="m2")])
    ranked = fitting(model, "Де посилка?", may=lambda one: one.owner_id in (None, "m1"))
    assert [macro_id for macro_id, _ in ranked] == ["mine"]


def test_numbers_phones_and_addresses_leave_their_kind_alone():
    def known(number, phone, address):
        return set(features(f"Замовлення {number}, мій тел {phone}, пошта {address}"))

    assert known("1042", "+38 (067) 123-45-67", "olena@mail.example") == known(
        "77", "0509876543", "ivan.p@shop.example"
    )
    assert set(features("7 234")) == set(features("91"))
    assert set(features("0671234567")) != set(features("91"))


@given(st.text(max_size=3000), st.lists(st.text(max_size=20), max_size=5))
def test_any_text_has_a_bounded_number_of_features_that_survive_storage(text, signs):
    found = features(text, signs)
    assert len(found) <= MOST_FEATURES
    assert all(0 <= feature < BUCKETS for feature in found)
    assert unpacked(packed(found)) == tuple(sorted(found))


def test_a_long_text_is_known_by_its_end():
    story = "Учора ми з подругою гуляли містом і бачили вашу майстерню. " * 30
    model = Likeness([learned("parcel", PARCEL), learned("sizes", SIZES)])
    assert likeliest(model, story + "Які розміри скриньки?") == "sizes"


def test_the_last_quarter_of_a_year_is_guessed_better_than_by_what_is_used_most():
    figures = replay(history(1000, seed=7), every=7)
    daily, once, most = figures["learned daily"], figures["learned once"], figures["most used"]
    assert daily["precision"] > most["precision"] + 0.25
    assert once["precision"] > most["precision"] + 0.15
    assert daily["hits"] > most["hits"]
    assert daily["coverage"] > 0.5
