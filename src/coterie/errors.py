"""What can go wrong, as one tree.

    CoterieError            every error a person may see: code, message, place, fix
    ├── Refused             the input cannot be used as it is; nothing was changed (exit code 2, HTTP 4xx)
    │   └── NotFound        a name that does not exist; says which names are near (HTTP 404)
    └── Failed              the work could not be done (exit code 1, HTTP 5xx)
        ├── Cancelled       a person stopped it
        └── UnfittedModel   asked for results before `fit`

Anything else that reaches the top is a fault of ours and shows its traceback.
Every code stands in `CODES`; the page `docs/errors.md` is made from it, and a test compares the two.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

CODES: Mapping[str, str] = MappingProxyType(
    {
        # workspace
        "not_a_workspace": "The folder holds no `coterie.json`. Make a workspace with `coterie init DIR`.",
        "workspace_exists": "`coterie init` was asked to make a workspace where one already is.",
        "newer_workspace": "A newer version of Coterie wrote the workspace. Upgrade Coterie; nothing was touched.",
        "read_only": "The workspace cannot be written to: its folder or file system is read-only.",
        "disk_full": "The disk has no room left. What was published before is untouched; free space and run again.",
        "locked": "Another process holds the publish lock for longer than the waiting time.",
        "damaged": "A file of the workspace is missing or unreadable. `coterie doctor` says which, and what to do.",
        "no_database": "The metadata database of the setting `metadata_url` cannot be reached or used.",
        "type_changed": "A column of the dataset has another type than the new rows. Nothing was published; the message says what to do.",
        "out_of_memory": "A query needs more memory than the setting `memory_limit_mb`, even after spilling to disk.",
        "bad_setting": "A setting has a value that it cannot take.",
        # names and values at the doors
        "unknown_name": "A dataset, tag, audience, list, model or snapshot of that name does not exist.",
        "bad_argument": "An argument has a value that cannot be used.",
        "bad_moment": "A moment could not be read: use `2011-12-10`, `2011-12-10T08:00` or `2011-12-10T08:00+01:00`.",
        "missing_extra": "A part that is installed separately is missing; the message has the install line.",
        "address_taken": "The address that `coterie serve` should listen on is in use or not this machine's.",
        "not_signed_in": "An HTTP request came without a valid session or API token.",
        "bad_login": "Name and password do not belong together, or the user is disabled.",
        "weak_password": "A password is too short, too long or easy to guess.",
        "too_many_tries": "Too many sign-ins failed, of that name or from that address. Wait and try again.",
        "bad_signature": "A provider's message is not signed with the secret of a destination, or its signature is too old.",
        "forged": "A change came from another site, or without the token of the session.",
        "sign_in_failed": "The sign-in service refused, or what it answered cannot be trusted.",
        "too_large": "The body of an HTTP request is larger than the settings allow.",
        "too_slow": "The body of an HTTP request came too slowly.",
        "newer_version": "Somebody else saved it since it was read; nothing was changed.",
        "not_allowed": "The token or role given does not permit this.",
        "in_use": "It is used by something else, which the message names.",
        "job_ended": "The job has ended, so that it cannot be cancelled.",
        "job_running": "The job waits, runs or is completed; only one that failed or was cancelled can go on.",
        "internal": "Something happened that nobody foresaw. It is our mistake; the log has the details.",
        "not_delivered": "The receiver refused the message or stayed out of reach; what it confirmed before is not sent again.",
        "cancelled": "The work was stopped by a person. What was published before is untouched.",
        "unfitted": "Results were asked of a model that has not been fitted.",
        # importing
        "missing_file": "There is no such file.",
        "not_a_file": "A folder was given where a file is needed.",
        "unreadable_file": "The file cannot be opened: its permissions forbid it.",
        "empty_file": "The file or sheet has nothing in it.",
        "no_rows": "The file, table or frame has a header and no rows.",
        "no_header": "The first line holds no names of columns. Name them in a mapping file.",
        "duplicate_columns": "Two columns have the same name, or differ in case alone. Rename one.",
        "wrong_delimiter": "The delimiter that was given does not split the file; the message names the one that does.",
        "unknown_format": "The file is of a kind that is not read, or is not what its name says.",
        "damaged_file": "The file is cut off or damaged, so that it cannot be unpacked or read.",
        "mixed_encoding": "Some lines are in one encoding and others in another. Save the file in one, UTF-8 for choice.",
        "line_too_long": "A line has over 16 MiB; a line end or a closing quote is probably missing.",
        "unclosed_quote": "A quote is opened and never closed, so that the lines after it are swallowed.",
        "unknown_column": "The file has no column of that name; the message says which it has.",
        "bad_mapping": "A mapping file cannot be used; the message says which part of it.",
        "bad_types": "A declared type does not exist or cannot be kept.",
        "not_a_time": "The column given as time holds values that are no times.",
        "ambiguous_date": "No value of the time column tells whether the day or the month stands first. Declare it.",
        "mixed_dates": "Some values of the time column have the day first and others the month. Declare one way.",
        "kind_changed": "The name belongs to a dataset of another kind.",
        "nothing_accepted": "No row of the file can be used; the message counts the reasons.",
        "changed_file": "The file changed while it was being read. Import it again.",
        "database_refused": "The database refused the connection or the query; the message has its words.",
        # rules
        "bad_rule": "A rule has the wrong shape: `coterie schema rule` prints the JSON Schema; `docs/rules.md` shows examples.",
        "rule_too_large": "A rule is nested too deeply or has too many conditions. Save parts as audiences and use those.",
        "unknown_field": "A field is not in the dataset, nor in a lookup joined to it.",
        "unknown_operator": "There is no such operator. `docs/rules.md` lists them with the types they apply to.",
        "wrong_operator": "The operator does not apply to values of this type.",
        "bad_value": "A value in a rule does not fit the type it is compared with.",
        "bad_pattern": "A pattern of `matches` cannot be used. Patterns are RE2 without names, classes of scripts and look-around.",
        "bad_expression": "An expression cannot be read or mixes types. `docs/rules.md` lists operators and functions.",
        "no_snapshot": "The audience was never refreshed, so that there is nobody to send.",
        "snapshot_expired": "The snapshot's members were removed after the time that snapshots are kept; its size stays.",
        "bad_address": "An address that messages cannot be sent to: none at all, not encrypted, or in a private network.",
        "no_mail_server": "E-mail is to be sent, and the settings name no mail server.",
        "mail_unreachable": "The mail server does not answer, hangs up, or cannot encrypt as `smtp_security` asks.",
        "mail_login": "The mail server refused `smtp_user` or `smtp_password`.",
        "mail_recipient": "The mail server refused the address that a message was to go to.",
        "audience_expired": "The audience's period of validity is over: it can be read, but not refreshed or addressed.",
        "audience_cycle": "Audiences use each other in a circle, so that no one of them can be computed.",
        "sql_refused": "The SQL of an audience is not one SELECT over the views and functions on offer; the message says which part.",
        "sql_stopped": "The SQL of an audience ran into its limit of time or memory.",
        # tags
        "bad_definition": "A tag or recipe cannot be defined so; the message says which part, and what may stand there.",
        "tag_cycle": "Tags or families of tags are made of each other in a circle, so that none can be computed first.",
        # segments and models
        "too_few_rows": "There are fewer entities, or fewer different ones, than the work needs.",
        "no_signal": "What is known tells the seed of a look-alike no better than chance, so nobody can be found by it.",
        "no_groups": "The clustering method found fewer than two groups; use one that cuts, such as kmeans, or other tags.",
        "no_usable_column": "None of the columns given can be used; the message says why for each.",
        "missing_column": "The data lack a column that the model needs.",
        "bad_column": "A column holds a value that cannot be used: infinity, or text where the model needs numbers.",
        "duplicate_entity": "An entity stands in the data more than once; every entity must have one row.",
        "bad_model": "A stored model cannot be read, or a newer version of Coterie wrote it.",
        "refit_needed": "The customers moved too far from what the segments were fitted on for an update; fit them again.",
        # campaigns
        "bad_campaign": "A campaign's definition cannot be used; the message says which part, and what may stand there.",
        "bad_template": "A text with variables cannot be read or filled; the message has the line, or the unknown variable.",
        "bad_journey": "A journey's definition cannot be used: a circle, a step nobody reaches, no way out; the message says where.",
        "journey_state": "The journey stands where this cannot be done with it; the message says where it stands.",
        "not_approved": "The campaign was not approved, or its audience or content changed since. Look at its plan and approve it.",
        "campaign_state": "The campaign stands where this cannot be done with it; the message says where it stands.",
        "restored": "It was under way when the backup was made that this workspace comes from; say whether it shall go on. A "
        "restored workspace whose metadata store lies elsewhere (`metadata_url`) pauses nothing by itself, since that store may "
        "be the original's own: where it is a copy, restore with `--hold`.",
        "campaign_expired": "The campaign's period of validity has not begun or is over.",
        "purpose_forbids": "The purpose of the audience does not permit the channel.",
        "content_state": "Content of the library is a draft, was withdrawn or is in use, so that this cannot be done with it.",
        "nobody": "The audience has no members, so that there is nobody to plan for.",
        # experiments
        "bad_metric": "A metric of an experiment cannot be read: write COLUMN:binary, COLUMN:mean, NUM/DEN:ratio or COLUMN:p90.",
        "bad_weights": "The weights of an experiment's arms do not fit: a missing or unknown arm, or shares that are not 1 in all.",
        "one_arm": "An experiment has only one arm, so that there is nobody to compare with.",
        "sample_ratio": "The arms are not as large as they were meant to be, so that no figure should be read (only with --strict).",
    }
)


class CoterieError(Exception):
    """An error for people: a stable `code`, the message, the `place` in what they gave, and a `fix`.

    >>> raise Refused("bad_argument", "k is 0.", place="--k", fix="Give 2 or more, or `auto`.")
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_argument` at `--k`: k is 0. Give 2 or more, or `auto`.
    """

    exit_code = 1

    def __init__(self, code: str, message: str, *, place: str | None = None, fix: str | None = None) -> None:
        if code not in CODES:
            raise LookupError(f"error code {code!r} is not in coterie.errors.CODES")
        self.code, self.message, self.place, self.fix = code, message, place, fix
        super().__init__(code, message, place, fix)

    def __str__(self) -> str:
        where = f" at `{self.place}`" if self.place else ""
        return f"`{self.code}`{where}: {self.message}" + (f" {self.fix}" if self.fix else "")

    def as_dict(self) -> dict[str, str | None]:
        """The one JSON shape of all errors."""
        return {"code": self.code, "message": self.message, "place": self.place, "fix": self.fix}

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.message, self.place, self.fix))


def _rebuild(cls: type[CoterieError], code: str, message: str, place: str | None, fix: str | None) -> CoterieError:
    return cls(code, message, place=place, fix=fix)


class Refused(CoterieError):
    """What was given cannot be used; nothing was changed."""

    exit_code = 2


class NotFound(Refused):
    """A name that does not exist."""


class Failed(CoterieError):
    """The work could not be done; what was there before is untouched."""

    exit_code = 1


class Cancelled(Failed):
    """A person stopped the work."""

    def __init__(self, message: str = "Stopped.", **place_and_fix: str | None) -> None:
        super().__init__("cancelled", message, **place_and_fix)

    def __reduce__(self) -> tuple[object, ...]:
        return (Cancelled, (self.message,))


class UnfittedModel(Failed):
    """Results were asked of a model before `fit`."""

    def __init__(self, message: str = "This model has not been fitted.", **place_and_fix: str | None) -> None:
        super().__init__("unfitted", message, **place_and_fix)

    def __reduce__(self) -> tuple[object, ...]:
        return (UnfittedModel, (self.message,))


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A sentence that names the nearest known names, or None.

    >>> did_you_mean("last_buy", ["last_buy_at", "first_buy_at", "email"])
    'Did you mean "last_buy_at" or "first_buy_at"?'
    >>> did_you_mean("zzz", ["email"]) is None
    True
    """
    known = list(known)
    lowered = {k.lower(): k for k in known}
    near = [lowered[n] for n in difflib.get_close_matches(name.lower(), list(lowered), n=3, cutoff=0.6)]
    if not near:
        near = [k for k in known if name.lower() in k.lower()][:3]
    quoted = [f'"{n}"' for n in near]
    return f"Did you mean {' or '.join(quoted)}?" if near else None


def unknown_name(noun: str, name: str, known: Iterable[str], *, place: str | None = None) -> NotFound:
    """The error for a name that does not exist.

    >>> str(unknown_name("audience", "loyl", ["loyal"]))
    '`unknown_name`: There is no audience "loyl". Did you mean "loyal"?'
    """
    known = sorted(known)
    fix = did_you_mean(name, known)
    if fix is None:
        fix = (
            f"There is: {', '.join(known[:8])}{', ...' if len(known) > 8 else ''}."
            if known
            else f"There is no {noun} yet."
        )
    return NotFound("unknown_name", f'There is no {noun} "{name}".', place=place, fix=fix)
