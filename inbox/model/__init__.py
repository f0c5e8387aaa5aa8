"""The words of the house as plain data: no driver, no framework, no provider."""
