"""The staff companion: a Telegram bot by which managers answer customers away from their desks.

What costs memory (aiogram: `line`, `screens`, `talk`, `entrance`, `companion`) is imported when a bot is connected and
not before; the rest is imported with the house.
"""
