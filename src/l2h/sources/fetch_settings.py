"""Settings of fetching: how hard to try, how many at once, and what may be reached."""

from pydantic import Field

from l2h.core.settings import Settings


class FetchSettings(Settings):
    """How files are fetched. None of these changes a byte of what is fetched.

    connections   : transfers at once
    attempts      : failures in a row, without a byte of progress, after which a file is given up
    backoff_s     : pause after the first failure; it doubles with each, up to backoff_max_s, or is what the server asks
    backoff_max_s : longest pause
    stall_s       : a connection that brings nothing for this long is given up and tried again
    deadline_s    : longest time for one file, whatever happens
    allow_private : whether addresses of this machine and of private networks may be reached
    s3_endpoint   : where `s3://` addresses are served, instead of Amazon
    """

    connections: int = Field(4, ge=1, le=32)
    attempts: int = Field(6, ge=1)
    backoff_s: float = Field(1.0, ge=0)
    backoff_max_s: float = Field(60.0, ge=0)
    stall_s: float = Field(30.0, gt=0)
    deadline_s: float = Field(3600.0, gt=0)
    allow_private: bool = False
    s3_endpoint: str | None = None
