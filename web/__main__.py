"""`python -m web` is `skrynka`."""

from web.cli import main

main()
