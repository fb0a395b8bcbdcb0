"""Brings a database to the newest schema."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, pool


def sqlalchemy_url(database_url: str) -> str:
    """The same database in SQLAlchemy's words: `postgresql://` read with psycopg 3."""
    scheme, _, rest = database_url.partition("://")
    if scheme not in ("postgresql", "postgres"):
        raise ValueError(f"ANHU_DATABASE_URL must begin with postgresql://, not {scheme}://")
    return f"postgresql+psycopg://{rest}"


def migrate(database_url: str) -> None:
    """Runs every migration the database has not seen; several processes may call it at once.

    Raises sqlalchemy.exc.OperationalError when the database cannot be reached.
    """
    engine = create_engine(sqlalchemy_url(database_url), poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(files("services.storage") / "migrations"))
            command.upgrade(config, "head")
    finally:
        engine.dispose()
