"""Journeys: what a customer gets one after the other, as long as it is still of use.

How people flow through one journey:

    entry          members of an audience, or whoever an event came of; each at most once at a time, again as it says
      -> exit      before each step: whoever reached the goal leaves, and whoever is erased or left the audience
      -> steps     wait       until a moment by the calendar of a zone
                   condition  a rule, asked for all who stand there at once: `yes` or `no`
                   send       those who stand there become a snapshot, and that an occurrence of an ordinary campaign:
                              consent, caps, experiment, kill-safety and funnel are the campaign's
                   split      shares, drawn by a salted hash of the key
                   page       a visit of a landing page within a time: `yes`, or `no` when the time is over
                   event      the same for any event
                   end        the way out
      -> events    every move is an event of the dataset `journey_events`, so that rules and audiences know of it
      -> funnel    of each step: entered = waiting + passed + exited(goal | left | stopped), at any moment

A tick (`advance`) moves everybody who is due, in sets and never one by one, in the order of the steps. What it decides and
what it logs are one commit of the journey's own SQLite file; what is sent is claimed there first. So a tick that was
killed at any moment is done again without sending twice or leaving anybody behind.

A journey goes forward only: its steps form no circle, so that a tick ends and the funnel can be read.
"""
