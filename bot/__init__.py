"""What the shop says by itself: rules, and the guards above all of them that keep a machine from talking too much."""
