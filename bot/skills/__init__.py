"""What the bot can do besides the shop's rules. One module a skill; none knows another."""
