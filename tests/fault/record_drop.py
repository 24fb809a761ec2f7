"""Sabotage of the replay: after a kill one accepted record is taken out of the closed journal. What it held must be missed.

The journal's format is docs/journal.md's. Where the data directory has no journal, there is nothing to drop."""


def run(options, say, totals):
    """Totals of the run; None without a journal."""
    del options, totals
    say("  this server keeps no journal: no replay record can be dropped")
    return None
