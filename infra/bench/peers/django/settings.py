"""A small Django site whose logins django-axes guards, for `make bench-peers`.

It is set up as the documentation of both says: the two backends and the
middleware of django-axes, five failures, a lock by username, no cool-off. What
is chosen beyond that is in favour of Django: SQLite with a write-ahead log, one
writer at a time that waits for its turn, and connections that are kept.
"""

import os
from pathlib import Path

FOLDER = Path(os.environ["PEERS_FOLDER"])  # of the database, made by the driver
SECRET_KEY = os.environ["PEERS_SECRET"]

ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "axes",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "backend.CountingBackend",
]

AXES_FAILURE_LIMIT = 5
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_COOLOFF_TIME = None
AXES_RESET_ON_SUCCESS = True  # as the others do it

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": FOLDER / "site.sqlite3",
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }
}
