"""`python -m cortex.cli`: the same as `cortex`."""

from cortex.cli.main import main

main()
