"""Campaigns: an audience, a channel, content, a schedule and an experiment.

How a recipient flows through one occurrence:

    audience's snapshot
      -> plan       falls into the first bucket that applies: suppressed(reason), capped, held out, deferred, or to send
      -> approve    a person accepts the numbers; bounds for what recurs
      -> outbox     one SQLite file per run; each row pending -> attempting -> sent | failed
      -> hand-over  consent, lists, erasure and caps are read again; who must not get it any more is suppressed
      -> channel    e-mail, webhook, file, simulator, ...
      -> events     `planned`, `skipped`, `sent`, ... go into the lake as the dataset `campaign_events`
      -> funnel     planned = suppressed + capped + held out + pending + deferred + sent + uncertain + failed
                    + cancelled + expired, each counted from its own events

The plan is a Parquet file that people see before anything is sent; the run executes that very file and may only
shrink it.
"""
