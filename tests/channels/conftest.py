import os

# python-telegram-bot's own switch to its coming meaning of durations; without it each one warns.
os.environ.setdefault("PTB_TIMEDELTA", "true")
