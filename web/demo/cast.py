"""The demo's shop: who works there, what they answer with, and what its customers wrote about."""

from channels.props import sample_photo, sample_voice
from web.demo.script import (
    Act,
    Case,
    Macro,
    Manager,
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

SHOP = "Скринька"
BOT = "skrynka_shop_bot"
INSTAGRAM = "skrynka.shop"
WELCOME = "Вітаємо у «Скриньці»! Напишіть, чим допомогти."
MAILBOX = "shop@skrynka.example"
WHOLESALE_MAILBOX = "opt@skrynka.example"
LANGUAGES = ("uk", "en", "ru", "ka")
PASSWORD = "demo-skrynka"  # noqa: S105 - everybody may know it: it opens a shop that is made up
TEAMS = {"wholesale": "Гурт", "returns": "Повернення"}

MANAGERS = (
    Manager(
        key="oksana",
        name="Оксана Коваль",
        email="oksana@skrynka.example",
        role="owner",
        capacity=20,
        languages=("uk", "ru", "en"),
        tells="owner, sees and sets everything",
    ),
    Manager(
        key="ihor",
        name="Ігор Бондар",
        email="ihor@skrynka.example",
        capacity=4,
        teams=("wholesale",),
        languages=("uk", "en"),
        tells="manager, has as many customers as he can take",
    ),
    Manager(
        key="nino",
        name="Nino Gelashvili",
        email="nino@skrynka.example",
        status="away",
        teams=("returns",),
        languages=("ka", "en", "ru"),
        tells="manager, away: Georgian customers wait for her",
    ),
    Manager(
        key="taras",
        name="Тарас Гнатюк",
        email="taras@skrynka.example",
        status="busy",
        capacity=6,
        teams=("returns", "wholesale"),
        languages=("uk", "ru"),
    ),
    Manager(
        key="daryna",
        name="Дарина Лисенко",
        email="daryna@skrynka.example",
        role="admin",
        status="offline",
        languages=("uk", "en"),
    ),
)

MACROS = (
    Macro(
        key="вітаю",
        name="Вітання від менеджера",
        text={
            "uk": "Вітаю, {{ customer.first_name }}! Це {{ manager.first_name }} зі «{{ shop.name }}». Чим допомогти?",
            "en": "Hello {{ customer.first_name }}! This is {{ manager.first_name }}. How can I help?",
            "ru": "Здравствуйте, {{ customer.first_name }}! Это {{ manager.first_name }}. Чем помочь?",
            "ka": "გამარჯობა, {{ customer.first_name }}! მე ვარ {{ manager.first_name }}. რით დაგეხმაროთ?",
        },
    ),
    Macro(
        key="відправка",
        name="Коли відправимо",
        folder="Доставка",
        text={
            "uk": "Відправимо сьогодні до 18:00 Новою поштою. Номер накладної надішлемо сюди ж.",
            "en": "We ship today before 18:00. The tracking number will come to this chat.",
            "ru": "Отправим сегодня до 18:00 Новой почтой. Номер накладной пришлём сюда же.",
            "ka": "დღესვე გავგზავნით 18:00 საათამდე. გზავნილის ნომერს აქვე მოგწერთ.",
        },
    ),
    Macro(
        key="розміри",
        name="Розміри скриньок",
        folder="Товар",
        text={
            "uk": "Мала: 18×12×8 см, середня: 26×18×10 см, велика: 34×22×12 см. Гравіювання можливе на всіх.",
            "en": "Small: 18×12×8 cm, medium: 26×18×10 cm, large: 34×22×12 cm. All of them can be engraved.",
            "ru": "Малая: 18×12×8 см, средняя: 26×18×10 см, большая: 34×22×12 см. Гравировка возможна на всех.",
            "ka": "პატარა: 18×12×8 სმ, საშუალო: 26×18×10 სმ, დიდი: 34×22×12 სმ. გრავირება ყველაზე შეიძლება.",
        },
    ),
    Macro(
        key="оплата",
        name="Оплата",
        buttons=(
            {"uk": "Карткою", "en": "By card", "ru": "Картой", "ka": "ბარათით"},
            {"uk": "Під час отримання", "en": "On delivery", "ru": "При получении", "ka": "მიღებისას"},
        ),
        text={
            "uk": "Оплатити можна карткою за посиланням або під час отримання. Як вам зручніше?",
            "en": "You can pay by card with a link or on delivery. Which do you prefer?",
            "ru": "Оплатить можно картой по ссылке или при получении. Как вам удобнее?",
            "ka": "გადახდა შეგიძლიათ ბარათით, ბმულით, ან მიღებისას. როგორ გირჩევნიათ?",
        },
    ),
    Macro(
        key="ттн",
        name="Де моє замовлення",
        folder="Доставка",
        text={
            "uk": "{{ customer.first_name }}, ваше замовлення № {{ order.number }}: {{ order.status }}."
            "{% if order.tracking_number %} Накладна {{ order.tracking_number }}.{% endif %}",
            "en": "{{ customer.first_name }}, your order {{ order.number }}: {{ order.status }}."
            "{% if order.tracking_number %} Tracking number {{ order.tracking_number }}.{% endif %}",
            "ru": "{{ customer.first_name }}, ваш заказ № {{ order.number }}: {{ order.status }}."
            "{% if order.tracking_number %} Накладная {{ order.tracking_number }}.{% endif %}",
            "ka": "{{ customer.first_name }}, თქვენი შეკვეთა № {{ order.number }}: {{ order.status }}."
            "{% if order.tracking_number %} ზედნადები {{ order.tracking_number }}.{% endif %}",
        },
    ),
    Macro(
        key="дякую",
        name="Подяка за відгук",
        actions=({"type": "label", "add": ["відгук"]}, {"type": "close"}),
        text={
            "uk": "Дякуємо, {{ customer.first_name }}! Майстрам буде дуже приємно.",
            "en": "Thank you, {{ customer.first_name }}! Our makers will be delighted.",
            "ru": "Спасибо, {{ customer.first_name }}! Мастерам будет очень приятно.",
            "ka": "დიდი მადლობა, {{ customer.first_name }}! ჩვენს ოსტატებს ძალიან გაუხარდებათ.",
        },
    ),
    Macro(
        key="львів",
        name="Самовивіз у Львові",
        folder="Доставка",
        text={"uk": "Забрати можна у майстерні: вул. Вірменська, 14, щодня з 10 до 19."},
        owner="oksana",
    ),
)

# The first customer is the one that a newcomer finds on the phone.
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
