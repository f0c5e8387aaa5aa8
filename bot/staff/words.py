"""What the companion says, in the languages of those who use it. A table: four languages and some forty texts.

`{…}` is filled in by `Words`. The first of the manager's languages that is here counts, else the shop's first, else
English.
"""

from collections.abc import Mapping, Sequence
from typing import Final

LANGUAGES: Final = ("uk", "en", "ru", "ka")

TEXTS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    # Statuses.
    "online": ("🟢 Вільний(-а)", "🟢 Free", "🟢 Свободен(-на)", "🟢 თავისუფალი"),
    "busy": ("🔴 Зайнятий(-а)", "🔴 Busy", "🔴 Занят(-а)", "🔴 დაკავებული"),
    "away": ("🟡 Відійшов(-ла)", "🟡 Away", "🟡 Отошёл(-ла)", "🟡 გასული"),
    "offline": ("⚪ Не на роботі", "⚪ Offline", "⚪ Не на работе", "⚪ არ ვმუშაობ"),
    # Buttons.
    "mine": ("📋 Мої розмови", "📋 My conversations", "📋 Мои диалоги", "📋 ჩემი საუბრები"),
    "menu": ("☰ Меню", "☰ Menu", "☰ Меню", "☰ მენიუ"),
    "open": ("Відкрити", "Open", "Открыть", "გახსნა"),
    "answer": ("✍️ Відповісти", "✍️ Answer", "✍️ Ответить", "✍️ პასუხი"),
    "note": ("📝 Нотатка", "📝 Note", "📝 Заметка", "📝 შენიშვნა"),
    "macro": ("⚡ Шаблон", "⚡ Macro", "⚡ Шаблон", "⚡ შაბლონი"),
    "search": ("🔎 Знайти шаблон", "🔎 Find a macro", "🔎 Найти шаблон", "🔎 შაბლონის ძებნა"),
    "transfer": ("➡️ Передати", "➡️ Hand over", "➡️ Передать", "➡️ გადაცემა"),
    "snooze": ("⏰ Відкласти", "⏰ Snooze", "⏰ Отложить", "⏰ გადადება"),
    "close": ("✅ Закрити", "✅ Close", "✅ Закрыть", "✅ დახურვა"),
    "done": ("Завершити", "Done", "Закончить", "დასრულება"),
    "send": ("Надіслати", "Send it", "Отправить", "გაგზავნა"),
    "send_anyway": ("Усе одно надіслати", "Send it all the same", "Всё равно отправить", "მაინც გაგზავნა"),
    "back": ("‹ Назад", "‹ Back", "‹ Назад", "‹ უკან"),
    "without_word": ("Без слів", "Without a word", "Без слов", "უსიტყვოდ"),
    "minutes:60": ("1 година", "1 hour", "1 час", "1 საათი"),
    "minutes:240": ("4 години", "4 hours", "4 часа", "4 საათი"),
    "minutes:1440": ("1 день", "1 day", "1 день", "1 დღე"),
    "minutes:4320": ("3 дні", "3 days", "3 дня", "3 დღე"),
    # What is said.
    "private": (
        "Це бот для працівників. Посилання для входу є у профілі.",
        "This bot is for staff. The link to sign in is on the profile page.",
        "Это бот для сотрудников. Ссылка для входа есть в профиле.",
        "ეს ბოტი თანამშრომლებისთვისაა. შესვლის ბმული პროფილშია.",
    ),
    "linked": (
        "Вітаю, {name}! Цей чат тепер ваш робочий помічник.",
        "Hello, {name}! This chat is your companion from now on.",
        "Здравствуйте, {name}! Этот чат теперь ваш рабочий помощник.",
        "გამარჯობა, {name}! ეს ჩატი ახლა თქვენი თანაშემწეა.",
    ),
    "state": (
        "{name}, ваш статус: {status}. Розмов у вас: {count}.",
        "{name}, you are: {status}. Your conversations: {count}.",
        "{name}, ваш статус: {status}. Диалогов у вас: {count}.",
        "{name}, თქვენი სტატუსი: {status}. თქვენი საუბრები: {count}.",
    ),
    "list": ("Ваші розмови:", "Your conversations:", "Ваши диалоги:", "თქვენი საუბრები:"),
    "empty": ("У вас немає розмов.", "You have no conversations.", "У вас нет диалогов.", "საუბრები არ გაქვთ."),
    "nameless": ("Без імені", "Without a name", "Без имени", "უსახელო"),
    "answering": (
        "Пишіть: наступне повідомлення отримає {name}. Можна текст, фото або файл.",
        "Write: what comes next goes to {name}. A text, a photo or a file.",
        "Пишите: следующее сообщение получит {name}. Можно текст, фото или файл.",
        "დაწერეთ: შემდეგ შეტყობინებას მიიღებს {name}. ტექსტი, ფოტო ან ფაილი.",
    ),
    "sent": (
        "Надіслано: {name}. Наступне повідомлення теж отримає {name}.",
        "Sent to {name}. What you write next goes there too.",
        "Отправлено: {name}. Следующее сообщение тоже получит {name}.",
        "გაეგზავნა: {name}. შემდეგ შეტყობინებასაც მიიღებს {name}.",
    ),
    "macro_sent": ("Надіслано: {name}.", "Sent to {name}.", "Отправлено: {name}.", "გაეგზავნა: {name}."),
    "noting": (
        "Пишіть нотатку: її побачать лише колеги.",
        "Write the note: only colleagues will see it.",
        "Пишите заметку: её увидят только коллеги.",
        "დაწერეთ შენიშვნა: მას მხოლოდ კოლეგები დაინახავენ.",
    ),
    "noted": ("Нотатку збережено.", "The note is kept.", "Заметка сохранена.", "შენიშვნა შენახულია."),
    "searching": (
        "Пишіть, що має бути в шаблоні.",
        "Write what the macro should have in it.",
        "Пишите, что должно быть в шаблоне.",
        "დაწერეთ, რა უნდა იყოს შაბლონში.",
    ),
    "macros": ("Який шаблон?", "Which macro?", "Какой шаблон?", "რომელი შაბლონი?"),
    "no_macros": (
        "Таких шаблонів немає.",
        "There are no such macros.",
        "Таких шаблонов нет.",
        "ასეთი შაბლონი არ არის.",
    ),
    "confirm": (
        "Отримає {name}:\n\n{text}{more}",
        "{name} will get:\n\n{text}{more}",
        "Получит {name}:\n\n{text}{more}",
        "მიიღებს {name}:\n\n{text}{more}",
    ),
    "missing": (
        "Цьому шаблону бракує: {names}. Напишіть самі.",
        "This macro lacks: {names}. Write it yourself.",
        "Этому шаблону не хватает: {names}. Напишите сами.",
        "ამ შაბლონს აკლია: {names}. თავად დაწერეთ.",
    ),
    "macro_changed": (
        "Шаблон тепер каже інше. Перегляньте ще раз.",
        "The macro says something else by now. Look once more.",
        "Шаблон теперь говорит другое. Посмотрите ещё раз.",
        "შაბლონი ახლა სხვას ამბობს. ნახეთ ხელახლა.",
    ),
    "receivers": ("Кому передати?", "Hand over to whom?", "Кому передать?", "ვის გადავცე?"),
    "word": (
        "Напишіть кілька слів для того, хто отримає розмову.",
        "Write a word for whoever gets it.",
        "Напишите пару слов тому, кто получит диалог.",
        "დაწერეთ რამდენიმე სიტყვა მიმღებისთვის.",
    ),
    "handed_over": ("Передано.", "Handed over.", "Передано.", "გადაცემულია."),
    "how_long": ("На скільки відкласти?", "For how long?", "На сколько отложить?", "რამდენი ხნით?"),
    "snoozed": ("Відкладено.", "Snoozed.", "Отложено.", "გადადებულია."),
    "closed": ("Закрито.", "Closed.", "Закрыто.", "დახურულია."),
    "finished": ("Добре.", "All right.", "Хорошо.", "კარგი."),
    "overtaken": (
        "Не надіслано: тим часом написали.\n\n{text}",
        "Not sent: meanwhile this was written.\n\n{text}",
        "Не отправлено: тем временем написали.\n\n{text}",
        "არ გაიგზავნა: ამასობაში დაწერეს.\n\n{text}",
    ),
    "stale": (
        "Ця кнопка застаріла: розмова вже інша. Відкрийте її знову.",
        "This button is out of date: the conversation has changed. Open it again.",
        "Эта кнопка устарела: диалог уже другой. Откройте его снова.",
        "ეს ღილაკი მოძველდა: საუბარი შეიცვალა. ხელახლა გახსენით.",
    ),
    "gone": (
        "Цієї розмови для вас більше немає.",
        "This conversation is not yours to see any more.",
        "Этого диалога для вас больше нет.",
        "ეს საუბარი თქვენთვის აღარ არის.",
    ),
    "refused": (
        "Не вийшло: {reason}",
        "That did not work: {reason}",
        "Не получилось: {reason}",
        "არ გამოვიდა: {reason}",
    ),
    "forgotten": (
        "Я вже не пам'ятаю, до якої розмови це. Нічого не надіслано. Оберіть її знову.",
        "I do not know (any more) which conversation this is for. Nothing was sent. Choose it again.",
        "Я уже не помню, к какому диалогу это. Ничего не отправлено. Выберите его снова.",
        "აღარ მახსოვს, რომელ საუბარს ეხება. არაფერი გაგზავნილა. ხელახლა აირჩიეთ.",
    ),
    "interrupted": (
        "Щось перервалося. Відкрийте розмову й подивіться, чи надіслано.",
        "Something was interrupted. Open the conversation and see whether this was sent.",
        "Что-то прервалось. Откройте диалог и посмотрите, отправлено ли это.",
        "რაღაც შეწყდა. გახსენით საუბარი და ნახეთ, გაიგზავნა თუ არა.",
    ),
    "unmindful": (
        "Зараз не можу запам'ятати, що ви почали. Спробуйте за хвилину.",
        "I cannot keep in mind what you begin just now. Try again in a minute.",
        "Сейчас не могу запомнить, что вы начали. Попробуйте через минуту.",
        "ახლა ვერ ვიმახსოვრებ, რა დაიწყეთ. სცადეთ ერთ წუთში.",
    ),
    "not_this": (
        "Таке я не передам: надішліть текст, фото або файл.",
        "I cannot pass this on: send a text, a photo or a file.",
        "Такое я не передам: отправьте текст, фото или файл.",
        "ამას ვერ გადავცემ: გამოაგზავნეთ ტექსტი, ფოტო ან ფაილი.",
    ),
    # What the companion tells by itself.
    "told:assigned": (
        "🆕 Розмова тепер ваша.",
        "🆕 A conversation is yours.",
        "🆕 Диалог теперь ваш.",
        "🆕 საუბარი თქვენია.",
    ),
    "told:warned": (
        "⏳ Скоро час відповісти.",
        "⏳ An answer is soon due.",
        "⏳ Скоро пора ответить.",
        "⏳ მალე პასუხის დროა.",
    ),
    "told:late": (
        "❗ Клієнт чекає довше, ніж обіцяно.",
        "❗ A customer waits longer than promised.",
        "❗ Клиент ждёт дольше, чем обещано.",
        "❗ კლიენტი დაპირებულზე მეტხანს ელოდება.",
    ),
}


class Words:
    """The texts in one language."""

    def __init__(self, *wishes: Sequence[str]) -> None:
        self.wishes = [wish for languages in wishes for wish in languages]
        wished = (wish.partition("-")[0] for wish in self.wishes)
        self.language = next((wish for wish in wished if wish in LANGUAGES), "en")
        self._place = LANGUAGES.index(self.language)

    def __call__(self, key: str, **values: object) -> str:
        """A text, filled in. What is filled in is never taken for a text to fill in."""
        return TEXTS[key][self._place].format(**values)
