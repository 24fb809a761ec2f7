"""Which parts run, and the proof that the harness can fail: the same seeds with a sabotaged server must report losses."""
import kill_mode
import power_mode
import queue_mode
import verify

SABOTAGES = {
    "fdatasync": "the syncing of data is a lie",
    "directory": "the syncing of directories and of the whole volume is a lie",
    power_mode.RECORD: "one record that replay needs is dropped from the journal",
}


def run_parts(options, say, closing):
    """Whether all passed."""
    passed, true_cuts = True, None
    if "kills" in options.parts:
        totals = kill_mode.run_kills(options, say, kill_mode.Totals())
        say("  died at: " + ", ".join(f"{step} {count}" for step, count in totals.by_step.most_common()))
        closing("kills", totals, options)
        passed = passed and not verify.grave(totals.findings)
    if "queue" in options.parts:
        passed = queue_mode.run_part(options, say) and passed
    if passed and {"cuts", "proof"} & set(options.parts):
        power_mode.require(options.fs, options.cut_disk)
    if "cuts" in options.parts:
        true_cuts = power_mode.run_cuts(options, say, kill_mode.Totals())
        closing("cuts", true_cuts, options)
        passed = passed and not verify.grave(true_cuts.findings)
    if "proof" in options.parts:
        passed = prove(options, say, closing, true_cuts) and passed
    return passed


def prove(options, say, closing, true_cuts):
    """Cuts of a true server and of each sabotaged one, by one seed; a sabotage that is not found fails the run."""
    kinds, rows = options.fs[:1], []
    if true_cuts is None:
        true_cuts = power_mode.run_cuts(options, say, kill_mode.Totals(), kinds=kinds)
        closing("proof, the true server", true_cuts, options)
    rows.append(("the true server", true_cuts, 0))
    for sabotage, meaning in SABOTAGES.items():
        # The first loss ends it. A lie need not lose anything at each cut: up to four times as many are tried.
        totals = power_mode.run_cuts(options, say, kill_mode.Totals(), sabotage, kinds, 4 * options.cuts)
        if sabotage == power_mode.RECORD and not totals.has_journal:
            say("  this server keeps no journal: there is no record to drop")
            continue
        rows.append((f"sabotaged: {meaning}", totals, 1))
    passed = True
    print(f"proof, seed {options.seed}:", flush=True)
    for what, totals, least in rows:
        losses = totals.count("loss", "flags")
        right = losses >= least if least else not verify.grave(totals.findings)
        passed = passed and right
        print(f"  {what}: kills {totals.kills}, cuts {totals.cuts}, losses {losses}{'' if right else '   <- FAILED'}", flush=True)
        for finding in verify.grave(totals.findings)[:3 if right else 20]:
            print(f"      {finding}", flush=True)
    return passed
