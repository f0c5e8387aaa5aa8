"""The demo's shop: what it is called, who works there, and what they answer with."""

from web.demo.script import Macro, Manager

SHOP = "Скринька"
BOT = "skrynka_shop_bot"
STAFF_BOT = "skrynka_staff_bot"
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
