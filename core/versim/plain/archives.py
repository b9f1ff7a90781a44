"""What reading an archive from people nobody vouches for may raise where it is damaged."""

import zipfile
import zlib

try:
    from lzma import LZMAError
except ImportError:  # a Python without it refuses such archives as it does those of later versions
    LZMAError = zlib.error  # type: ignore[misc, assignment]

BROKEN_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError, ValueError),
    RuntimeError,  # of members with a password; and NotImplementedError, of a later version of the format
)
