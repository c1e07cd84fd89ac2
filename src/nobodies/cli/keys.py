"""`nobodies keys`: API keys that the servers of one site share."""

import click

from nobodies.database import Database
from nobodies.errors import DependencyError, SettingError


@click.command(name="keys")
@click.option("--shared", required=True, metavar="ADDRESS", help="The database: postgresql://USER@HOST/DATABASE.")
@click.option("--add", "note", metavar="NOTE", help="Make a key for whom NOTE names, and show it this once.")
@click.option("--list", "listed", is_flag=True, help="List the keys: number, time, note.")
@click.option("--remove", metavar="NUMBER", type=int, help="Make a key invalid.")
def command(shared: str, note: str | None, listed: bool, remove: int | None) -> None:
    """Keep the keys that 'nobodies serve --shared ADDRESS --shared-keys' asks for.

    The database holds a digest of each key, from which the key cannot be told. Servers notice a new key at once, and
    one that was removed within half a minute.
    """
    if [note is not None, listed, remove is not None].count(True) != 1:
        raise SettingError("give one of --add NOTE, --list and --remove NUMBER")
    try:
        from nobodies.web.shared import SharedKeys
    except ModuleNotFoundError as error:
        raise DependencyError(f"keys of a site need {error.name}: run pip install 'nobodies[web]'") from error
    with Database(shared, connections=1) as database:
        keys = SharedKeys(database)
        if note is not None:
            click.echo(keys.add(note))
        elif remove is not None:
            if not keys.remove(remove):
                raise SettingError(f"there is no key {remove}: see 'nobodies keys --list'")
            click.echo(f"key {remove} is not valid any more")
        else:
            for record in keys.records():
                click.echo(f"{record.id:6} {record.added_at} {record.note}")
