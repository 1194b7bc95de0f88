"""Settings: one table of name, default and help; the environment (`COTERIE_<NAME>`) wins over `coterie.json`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from coterie.errors import Refused, did_you_mean


class Setting(NamedTuple):
    """One setting: its type is that of its default."""

    name: str
    default: int | str
    help: str


SETTINGS: tuple[Setting, ...] = (
    Setting("threads", os.cpu_count() or 2, "Threads the query engine may use."),
    Setting("memory_limit_mb", 1536, "Memory the query engine may use before it spills to disk, in MiB."),
    Setting("index_memory_mb", 1024, "Memory for bitmaps and tag columns of audiences, in MiB."),
    Setting("index_disk_mb", 1024, "Disk space for bitmaps of conditions on events, in MiB."),
    Setting(
        "job_niceness",
        10,
        "By how much imports, tag builds and fits give way to people's requests: 0 to 19, as of nice.",
    ),
    Setting("sql_seconds", 60, "How long the SQL of an audience may run."),
    Setting("sql_memory_mb", 1024, "Memory that the SQL of an audience may use, in MiB."),
    Setting("lock_wait_seconds", 60, "How long a publish waits for another process's publish."),
    Setting(
        "private_addresses", 0, "1 lets destinations be on this machine or in a private network, without encryption."
    ),
    Setting(
        "snapshots_kept_days", 400, "Days that members of snapshots are kept; month ends five years; 0: all, for ever."
    ),
    Setting("smtp_host", "", "Mail server that alerts are sent through; empty: no e-mail."),
    Setting("smtp_port", 587, "Its port: 587 for starttls, 465 for tls, 25 for none."),
    Setting("smtp_security", "starttls", "How mail is encrypted: starttls, tls or none."),
    Setting("smtp_user", "", "Name to log in to the mail server with; empty: no login."),
    Setting("smtp_password", "", "The password to it; better set in the environment than in `coterie.json`."),
    Setting("mail_from", "", "Address that mail comes from; empty: `smtp_user`."),
    Setting(
        "public_url",
        "",
        "Address under which people reach the console and the links in messages, such as https://coterie.example.com;"
        " empty: links and opens are not tracked.",
    ),
    Setting("session_idle_minutes", 720, "Minutes after which an unused session of the console ends."),
    Setting("session_hours", 336, "Hours after which every session of the console ends."),
    Setting("body_mb", 8, "Largest body of an HTTP request that is no upload, in MiB."),
    Setting("upload_mb", 4096, "Largest file that can be uploaded over HTTP, in MiB."),
    Setting("body_seconds", 30, "How long the sender of an HTTP request may pause within its body."),
    Setting(
        "identifying_fields",
        "email,e_mail,mail,phone,mobile,tel,telephone,name,first_name,last_name,full_name,surname,address,street,"
        "birthday,birth_date,date_of_birth,ip,wechat,openid,id_card,邮箱,手机,手机号,电话,姓名,名字,地址,生日,身份证,微信",
        "Fields and tags, with commas, that tell who somebody is: masked for analysts and viewers.",
    ),
    Setting("identifying_keys", 0, "1 masks the customers' keys, too, such as where they are e-mail addresses."),
    Setting("oidc_issuer", "", "Address of an OpenID Connect service that people sign in with; empty: none."),
    Setting("oidc_client_id", "", "The id that it gave to Coterie."),
    Setting("oidc_client_secret", "", "The secret to it; better set in the environment than in `coterie.json`."),
    Setting("oidc_groups_claim", "groups", "The claim of its ID token that lists somebody's groups."),
    Setting("oidc_roles", "", "Which groups have which role: GROUP=admin,GROUP=marketer."),
    Setting("oidc_default_role", "", "The role of people in none of these groups; empty: they are not let in."),
    Setting("jobs_url", "", "SQLAlchemy URL of the queue of jobs; empty: jobs.sqlite in the workspace."),
    Setting("metadata_url", "", "SQLAlchemy URL of the metadata store; empty: meta.sqlite in the workspace."),
)


class Settings(Mapping[str, int | str]):
    """The settings in force.

    >>> Settings({"threads": 1})["threads"], Settings({})["lock_wait_seconds"]
    (1, 60)
    >>> Settings({"thread": 1})
    Traceback (most recent call last):
    coterie.errors.Refused: `bad_setting` at `thread`: There is no such setting. Did you mean "threads"?
    """

    def __init__(self, given: Mapping[str, object], environment: Mapping[str, str] = os.environ) -> None:
        known = {s.name: s for s in SETTINGS}
        for name in given:
            if name not in known:
                raise Refused("bad_setting", "There is no such setting.", place=name, fix=did_you_mean(name, known))
        self._values = {
            s.name: _value(s, environment.get(f"COTERIE_{s.name.upper()}", given.get(s.name))) for s in SETTINGS
        }

    def __getitem__(self, name: str) -> int | str:
        return self._values[name]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def number(self, name: str) -> int:
        """A whole-number setting."""
        return int(self._values[name])


def _value(setting: Setting, given: object) -> int | str:
    if given is None:
        return setting.default
    if isinstance(setting.default, int):
        try:
            return int(str(given))
        except ValueError:
            raise Refused(
                "bad_setting", f'"{given}" is not a whole number.', place=setting.name, fix=setting.help
            ) from None
    return str(given)
