"""What the demo's customers wrote about, and what was answered."""

from channels.props import sample_photo, sample_voice
from web.demo.script import (
    Act,
    Case,
    Mishap,
    Reply,
    Story,
    ago,
    answers,
    answers_a_story,
    by_hand,
    corrects,
    likes,
    looks,
    notes,
    says,
    starts,
    taps_an_ad,
    writes,
)

STORIES = (
    Story(
        name="Олена Мельник",
        username="olena_m",
        language="uk",
        phone="380671234567",
        tags=("постійна",),
        fields={"Місто": "Київ", "Відділення": "Нова пошта № 7"},
        cases=(
            Case(
                lines=(
                    says(ago(d=41, h=3), "Доброго дня! Чи можна вигравіювати ім'я на кришці?"),
                    answers(ago(d=41, h=2, m=48), "oksana", "Доброго дня! Так, до 20 літер безкоштовно."),
                    says(ago(d=41, h=2, m=40), "Чудово, тоді «Марічка». Замовила на сайті"),
                    answers(ago(d=41, h=2, m=35), "oksana", "Бачу замовлення 1042, беремо в роботу 🌿"),
                    says(ago(d=36, h=5), "Отримала! Дуже гарна, дякую майстрам!"),
                    likes(ago(d=36, h=4, m=50), "❤"),
                ),
                status="closed",
                labels=("гравіювання",),
            ),
            Case(
                lines=(
                    says(ago(h=2, m=20), "Вітаю! Хочу ще одну скриньку, тепер дубову велику. Є в наявності?"),
                    Reply(
                        ago=ago(h=2, m=12),
                        by="oksana",
                        text="Вітаю, Олено! Лишилась одна, ось вона. Відкласти для вас?",
                        photos=(1,),
                    ),
                    says(ago(h=2, m=6), "Так, будь ласка!"),
                    notes(ago(h=2, m=4), "oksana", "Постійна клієнтка: додати листівку від майстрів."),
                    answers(ago(h=2, m=3), "oksana", "Відклала. Адреса та сама: Київ, відділення № 7?"),
                    says(ago(m=9), "Так, відділення те саме"),
                    says(ago(m=8), "А встигнете відправити сьогодні? Подарунок на суботу 🙏"),
                ),
                labels=("доставка",),
                priority="high",
                read=False,
            ),
        ),
    ),
    Story(
        name="James Whitfield",
        username="jwhitfield",
        language="en",
        cases=(
            Case(
                lines=(
                    starts(ago(m=52), "gift_guide"),
                    says(ago(m=51), "Hi! Do you ship to Edinburgh? I'd love the walnut box with a brass lock."),
                    answers(ago(m=44), "oksana", "Hello James! We do: 6 to 9 days, tracked, €14."),
                    says(ago(m=40), "Perfect. Could it be gift wrapped?"),
                    answers(
                        ago(m=37),
                        "oksana",
                        "Of course, linen and a wax seal, free of charge. Whose name goes on the card?",
                    ),
                    says(ago(m=21), "Agnes. Happy 60th from all of us!"),
                ),
                labels=("gift", "abroad"),
                read=False,
            ),
        ),
    ),
    Story(
        name="Марія Гончар",
        username="maria_honchar",
        language="uk",
        phone="380504445566",
        cases=(
            Case(
                lines=(
                    says(ago(h=5, m=10), "Добрий день, отримала посилку, але кутик тріснутий 😔"),
                    Act(
                        ago(h=5, m=9),
                        lambda chat: chat.album(
                            [sample_photo(0), sample_photo(2), sample_photo(3)], caption="Ось фото з усіх боків"
                        ),
                    ),
                    answers(
                        ago(h=4, m=58),
                        "oksana",
                        "Маріє, нам дуже шкода. Надішлемо нову завтра, стару повертати не треба.",
                    ),
                    notes(ago(h=4, m=55), "oksana", "Брак упаковки, третій цього місяця. @Тарас, глянь партію 0914."),
                    says(ago(h=4, m=50), "Ого, дякую за швидке рішення!"),
                    answers(ago(h=4, m=46), "oksana", "Номер накладної надішлемо сюди ж."),
                    likes(ago(h=4, m=49), "👍"),
                ),
                labels=("брак",),
            ),
        ),
    ),
    Story(
        name="Андрій Шевчук",
        username="",
        language="uk",
        phone="380931112233",
        cases=(
            Case(
                lines=(
                    says(ago(m=34), "Підкажіть розміри середньої скриньки"),
                    Reply(ago=ago(m=31), by="oksana", macro="розміри"),
                    says(ago(m=29), "А глибина всередені яка?"),
                    corrects(ago(m=28), "А глибина всередині яка?"),
                    answers(ago(m=26), "oksana", "Всередині 8 см, кришка ще 1,5 см."),
                ),
                status="pending",
            ),
        ),
    ),
    Story(
        name="Светлана Орлова",
        username="sv_orlova",
        language="ru",
        cases=(
            Case(
                lines=(
                    says(ago(d=1, h=2), "Здравствуйте, когда придёт мой заказ 1077?"),
                    answers(
                        ago(d=1, h=1, m=46), "oksana", "Здравствуйте! Уже во Львове на сортировке, завтра будет у вас."
                    ),
                    says(ago(m=47), "Добрый день, посылка ещё не приехала"),
                    Act(ago(m=46), lambda chat: chat.voice(sample_voice(4), duration=4)),
                ),
                read=False,
            ),
        ),
    ),
    Story(
        name="Дмитро Ткач",
        username="dm_tkach",
        language="uk",
        cases=(
            Case(
                lines=(
                    says(ago(m=14), "Привіт! Ви робите скриньки з логотипом компанії?"),
                    says(ago(m=13), "Потрібно 3 штуки на подарунки партнерам"),
                ),
                read=False,
            ),
        ),
    ),
    Story(
        name="Ганна Романюк",
        username="hanna_r",
        language="uk",
        phone="380977778899",
        cases=(
            Case(
                lines=(
                    says(ago(h=7), "Куди приїхати, щоб забрати замовлення?"),
                    Reply(ago=ago(h=6, m=50), by="oksana", macro="львів"),
                    says(ago(h=6, m=45), "Я ось тут, далеко?"),
                    Act(
                        ago(h=6, m=44),
                        lambda chat: chat.location(49.8419, 24.0315, title="Площа Ринок", address="Львів"),
                    ),
                    answers(ago(h=6, m=42), "oksana", "Три хвилини пішки, чекаємо!"),
                    says(ago(h=6, m=5), "Забрала, дякую 🙌"),
                ),
                status="closed",
            ),
        ),
    ),
    Story(
        name="Emma Lindqvist",
        username="emma_l",
        language="en",
        cases=(
            Case(
                lines=(
                    says(
                        ago(d=2, h=4), "Hello, is beeswax or oil used for the finish? I'm allergic to some varnishes."
                    ),
                    answers(ago(d=2, h=3, m=40), "oksana", "Only linseed oil and beeswax, no varnish at all."),
                    says(ago(d=2, h=3, m=30), "Wonderful. I'll decide in a few days, after payday."),
                    answers(ago(d=2, h=3, m=20), "oksana", "Take your time, I'll write to you then."),
                ),
                status="snoozed",
                snoozed_for=ago(d=2),
            ),
        ),
    ),
    Story(
        name="Віктор Савчук",
        username="savchuk_v",
        language="uk",
        cases=(
            Case(
                lines=(
                    says(ago(h=3, m=30), "Оплатив рахунок, перевірте будь ласка"),
                    Act(
                        ago(h=3, m=29),
                        lambda chat: chat.document(
                            "квитанція.pdf", b"%PDF-1.7 " + b"0" * 4200, content_type="application/pdf"
                        ),
                    ),
                    Mishap(
                        ago=ago(h=3, m=20),
                        by="oksana",
                        text="Дякую, оплату бачимо! Відправка завтра.",
                        outcome="uncertain",
                    ),
                ),
                labels=("оплата",),
            ),
        ),
    ),
    Story(
        name="Павло Кравець",
        username="",
        language="uk",
        cases=(
            Case(
                lines=(
                    says(ago(d=1, h=6), "Скільки коштує найменша?"),
                    answers(ago(d=1, h=5, m=50), "oksana", "Мала скринька 640 грн, з гравіюванням 790."),
                    says(ago(d=1, h=5, m=45), "Дорого, подумаю"),
                    Mishap(
                        ago=ago(h=1, m=15),
                        by="oksana",
                        text="Павле, до неділі на малі знижка 15 %. Відкласти вам одну?",
                        outcome="failed",
                    ),
                ),
            ),
        ),
    ),
    Story(
        name="Ірина Козак",
        username="iryna_kozak",
        language="uk",
        phone="380661230987",
        tags=("постійна",),
        cases=(
            Case(
                lines=(
                    says(ago(d=3, h=2), "Чи є скринька для прикрас з дзеркалом?"),
                    Reply(ago=ago(d=3, h=1, m=50), by="ihor", text="Є дві: ясен і горіх.", photos=(2, 3)),
                    says(ago(d=3, h=1, m=30), "Горіх! Замовляю"),
                    Reply(ago=ago(d=3, h=1, m=25), by="ihor", macro="оплата"),
                    says(ago(d=3, h=1, m=20), "При отриманні"),
                    Reply(ago=ago(d=3, h=1, m=15), by="ihor", macro="відправка"),
                    says(ago(d=1, h=8), "Приїхала, краса неймовірна!"),
                    Act(ago(d=1, h=7, m=59), lambda chat: chat.photo(sample_photo(3), caption="На новому місці")),
                    Reply(ago=ago(d=1, h=7, m=40), by="ihor", macro="дякую"),
                    likes(ago(d=1, h=7, m=30), "🔥"),
                ),
                status="closed",
                labels=("відгук",),
            ),
        ),
    ),
    Story(
        name="Богдан Лисий",
        username="b_lysyi",
        language="uk",
        cases=(
            Case(
                lines=(
                    says(ago(h=1, m=50), "Доброго дня, кафе «Затишок», цікавить 40 скриньок під чай"),
                    answers(
                        ago(h=1, m=35), "ihor", "Доброго дня! Від 30 штук гуртова ціна 410 грн. Потрібне гравіювання?"
                    ),
                    says(ago(h=1, m=20), "Так, логотип на кришці. Надішлю файл увечері"),
                    answers(ago(h=1, m=15), "ihor", "Чекаємо на файл."),
                ),
                team="wholesale",
                labels=("гурт",),
                status="pending",
            ),
        ),
    ),
    Story(
        name="Софія Дячук",
        username="sofia_d",
        language="uk",
        cases=(
            Case(
                lines=(
                    says(ago(h=4, m=30), "Можна змінити колір стрічки на зелений?"),
                    answers(ago(h=4, m=18), "ihor", "Так, поміняли. Відправимо завтра зранку."),
                    likes(ago(h=4, m=10), "❤"),
                ),
            ),
        ),
    ),
    Story(
        name="Olivia Brandt",
        username="obrandt",
        language="en",
        cases=(
            Case(
                lines=(
                    says(ago(h=2, m=45), "Is the recipe box big enough for A6 cards?"),
                    answers(ago(h=2, m=30), "ihor", "Yes, up to 120 of them, with dividers."),
                    says(ago(h=2, m=10), "Can the dividers be labelled in German?"),
                ),
                read=False,
            ),
        ),
    ),
    Story(
        name="Юрій Мазур",
        username="",
        language="uk",
        phone="380442223344",
        cases=(
            Case(
                lines=(
                    says(ago(d=1, h=3), "Хто вивозить замовлення з майстерні? Ось мій водій"),
                    Act(ago(d=1, h=2, m=59), lambda chat: chat.contact("380633216549", "Степан Водій", own=False)),
                    answers(ago(d=1, h=2, m=50), "ihor", "Записали, чекаємо Степана о 15:00."),
                    notes(ago(d=1, h=2, m=49), "ihor", "Видати 12 коробів по накладній 88."),
                ),
                team="wholesale",
            ),
        ),
    ),
    Story(
        name="გიორგი ბერიძე",
        username="gberidze",
        language="ka",
        cases=(
            Case(
                lines=(
                    says(ago(d=1, h=4), "გამარჯობა, საქართველოში აგზავნით?"),
                    answers(ago(d=1, h=3, m=50), "nino", "დიახ, თბილისში 5 დღეში მიგიტანთ."),
                    says(ago(m=38), "რა ღირს მიწოდება ბათუმში?"),
                ),
            ),
        ),
    ),
    Story(
        name="თამარ კაპანაძე",
        username="tamar_k",
        language="ka",
        cases=(
            Case(
                lines=(
                    starts(ago(m=27), "instagram"),
                    says(ago(m=26), "მუხის ყუთი გაქვთ? საჩუქრად მინდა"),
                    says(ago(m=25), "გრავირება ქართულად შეიძლება?"),
                ),
            ),
        ),
    ),
    Story(
        name="Nika Lomidze",
        username="nika_lom",
        language="ka",
        cases=(Case(lines=(says(ago(m=11), "სალამი! შეკვეთა 1081 როდის ჩამოვა?"),), priority="high"),),
    ),
    Story(
        name="Олексій Гринь",
        username="hryn_o",
        language="uk",
        cases=(
            Case(
                lines=(
                    says(ago(h=1, m=5), "Добрий день. Сувенірна крамниця в Яремчі, хочемо взяти на реалізацію 60 шт."),
                    says(ago(h=1, m=4), "Які умови?"),
                ),
                team="wholesale",
                labels=("гурт",),
            ),
        ),
    ),
    Story(
        name="Катерина Бойко",
        username="kateryna_b",
        language="uk",
        cases=(
            Case(
                lines=(
                    says(ago(h=6, m=20), "Хочу повернути скриньку, не підійшла за розміром"),
                    answers(ago(h=6), "taras", "Звісно. 14 днів на повернення, кошти того ж дня. Надіслати адресу?"),
                    says(ago(h=5, m=40), "Так, і підкажіть хто платить за доставку"),
                    answers(ago(h=5, m=30), "taras", "Цього разу ми. Надішлемо накладну, платити не треба."),
                ),
                team="returns",
                labels=("повернення",),
                status="pending",
            ),
        ),
    ),
    Story(
        name="Роман Левчук",
        username="",
        language="uk",
        cases=(
            Case(
                lines=(
                    says(ago(h=3), "Замок не закривається, що робити?"),
                    Act(ago(h=2, m=59), lambda chat: chat.photo(sample_photo(0), caption="Ось так заїдає")),
                    answers(
                        ago(h=2, m=41), "taras", "Романе, трішки воску на язичок, і буде як новий. Якщо ні, обміняємо."
                    ),
                    says(ago(m=58), "Віск допоміг, але тепер рипить завіса 🙈"),
                ),
                team="returns",
            ),
        ),
    ),
    Story(
        name="Анна Кузнецова",
        username="ann_k",
        language="ru",
        cases=(
            Case(
                lines=(
                    says(ago(d=2, h=6), "Можно заказать шкатулку с часами внутри?"),
                    answers(ago(d=2, h=5, m=30), "taras", "Такие не делаем, но есть подставка под карманные часы."),
                    says(ago(d=2, h=5), "Жаль, спасибо"),
                ),
                status="closed",
            ),
        ),
    ),
    Story(
        name="Леся Ковальчук",
        username="lesia_kov",
        language="uk",
        cases=(
            Case(
                lines=(
                    says(ago(d=4, h=3), "Скільки триває гравіювання?"),
                    Reply(ago=ago(d=4, h=2, m=50), by="oksana", text="Один день, портрет: три."),
                    says(ago(d=4, h=2, m=40), "Дякую, замовлю на річницю"),
                ),
                status="closed",
                labels=("гравіювання",),
            ),
        ),
    ),
    Story(
        name="Marco Bianchi",
        username="marcob",
        language="en",
        cases=(
            Case(
                lines=(
                    says(ago(d=5, h=1), "Do you have a showroom in Lviv?"),
                    answers(ago(d=5, h=0, m=45), "daryna", "We do: Virmenska 14, every day from 10 to 19."),
                    says(ago(d=5, h=0, m=40), "See you on Saturday!"),
                    likes(ago(d=5, h=0, m=39), "👍"),
                ),
                status="closed",
            ),
        ),
    ),
    Story(
        name="Наталія Приходько",
        username="nat_pr",
        language="uk",
        phone="380980001122",
        cases=(
            Case(
                lines=(
                    says(ago(m=4), "Вітаю! Бачила у вас в Instagram скриньку з маками, вона ще є?"),
                    Act(ago(m=3), lambda chat: chat.photo(sample_photo(2), caption="Ось ця")),
                ),
                read=False,
            ),
        ),
    ),
    Story(
        name="Злата Гайдук",
        door="viber",
        language="uk",
        phone="380661237788",
        cases=(
            Case(
                lines=(
                    says(ago(h=1, m=35), "Добрий день! Є горіхова скринька із замочком?"),
                    Reply(ago=ago(h=1, m=28), by="oksana", text="Добрий день! Є, ось вона.", photos=(3,)),
                    looks(ago(h=1, m=27)),
                    says(ago(h=1, m=20), "Гарна! А скільки коштує?"),
                    answers(ago(h=1, m=15), "oksana", "1 450 грн, гравіювання в подарунок."),
                    looks(ago(h=1, m=14)),
                    says(ago(m=6), "Беру! Оформите на Дніпро?"),
                    Act(ago(m=5), lambda chat: chat.photo(sample_photo(0), caption="І таку саму для мами")),
                ),
                labels=("доставка",),
                read=False,
            ),
        ),
    ),
    Story(
        name="Гнат Левицький",
        door="viber",
        language="uk",
        cases=(
            Case(
                lines=(
                    says(ago(d=6, h=4), "Чи можна оплатити під час отримання?"),
                    answers(ago(d=6, h=3, m=50), "oksana", "Так, післяплатою у відділенні."),
                    looks(ago(d=6, h=3, m=45)),
                    says(ago(d=6, h=3, m=40), "Чудово, дякую!"),
                ),
                status="closed",
            ),
        ),
    ),
    Story(
        name="Тетяна Кравець",
        door="viber",
        language="uk",
        phone="380953334455",
        cases=(
            Case(
                lines=(
                    says(ago(h=8), "Загубила ключик від скриньки, можна замовити новий?"),
                    answers(ago(h=7, m=50), "oksana", "Можна! Надішліть, будь ласка, фото замочка."),
                ),
                status="pending",
            ),
        ),
    ),
    Story(
        name="Мар'яна Лис",
        door="instagram",
        username="maryana.lys",
        language="uk",
        cases=(
            Case(
                lines=(
                    answers_a_story(ago(h=1, m=12), "Ой, а ця скринька ще є? 😍"),
                    answers(ago(h=1, m=5), "oksana", "Є, Мар'яно! Остання з такою фурнітурою. Відкласти?"),
                    says(ago(m=58), "Так! А можна на кришці листочок?"),
                    Reply(ago=ago(m=50), by="oksana", text="Можна, ось так виглядатиме.", photos=(2,)),
                    looks(ago(m=49)),
                    says(ago(m=18), "Чудово, беру! Оплатити можна карткою?"),
                ),
                labels=("гравіювання",),
                read=False,
            ),
        ),
    ),
    Story(
        name="Яна Пилипенко",
        door="instagram",
        username="yana.pylypenko",
        language="uk",
        cases=(
            Case(
                lines=(
                    taps_an_ad(ago(h=9), "Добрий день! Знижка з реклами ще діє?"),
                    answers(ago(h=8, m=50), "taras", "Добрий день! Так, до неділі, на всі малі скриньки."),
                    says(ago(h=8, m=45), "Клас, дякую!"),
                    answers(ago(h=8, m=41), "taras", "Звертайтесь 🌿"),
                    looks(ago(h=8, m=40)),
                ),
                status="closed",
            ),
        ),
    ),
    Story(
        name="Соломія Вовк",
        door="email",
        address="solomiia@mail.example",
        language="uk",
        tags=("весілля",),
        cases=(
            Case(
                lines=(
                    writes(
                        ago(h=6, m=30),
                        "Скриньки для каблучок",
                        "Добрий день!\n\nЧерез місяць у мене весілля, шукаю дві скриньки для каблучок. Надсилаю фото "
                        "столів, хочеться в такому ж тоні.\n\nЗ повагою,\nСоломія",
                        ("столи.png", "image/png", sample_photo(3)),
                    ),
                    answers(
                        ago(h=6, m=5),
                        "oksana",
                        "Доброго дня, Соломіє! Вітаємо зі святом. Горіх підійде найкраще, дві малі: 1 280 грн.",
                    ),
                    says(ago(m=22), "Дякую, беремо дві з горіха. Чи можна всередині оксамит кольору вина?"),
                ),
                read=False,
            ),
        ),
    ),
    Story(
        name="Peter Novak",
        door="email",
        address="peter.novak@mail.example",
        language="en",
        cases=(
            Case(
                lines=(
                    writes(
                        ago(h=5, m=40),
                        "Invoice for order 1063",
                        "Hello,\n\ncould you send me an invoice for order 1063? I need it for the office.\n\nPeter",
                    ),
                    by_hand(ago(h=5, m=20), "Hello Peter, our accountant prepares it today. Oksana, from her phone"),
                    answers(ago(h=3, m=50), "oksana", "Here we are: invoice 1063 went to you by post as well."),
                ),
                status="pending",
            ),
        ),
    ),
    Story(
        name="Остап Дзюба",
        door="wholesale",
        address="ostap@dzyha.example",
        language="uk",
        cases=(
            Case(
                lines=(
                    writes(
                        ago(h=7, m=15),
                        "Прайс для крамниці «Дзиґа»",
                        "Добрий день! Цікавлять 30 малих і 10 великих скриньок. Перелік додаю.",
                        ("перелік.pdf", "application/pdf", b"%PDF-1.7 " + b"0" * 6400),
                    ),
                    answers(ago(h=6, m=55), "taras", "Добрий день, Остапе! Від 40 штук знижка 18 %, разом 21 960 грн."),
                    says(ago(h=2, m=35), "Влаштовує. Підготуйте, будь ласка, договір."),
                ),
                team="wholesale",
                labels=("гурт",),
            ),
        ),
    ),
)
