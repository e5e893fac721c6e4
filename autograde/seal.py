"""Texts that open with a word: reference solutions travel in the kit, and nobody reads them by accident.

Only the standard library: scrypt makes a key from the word, SHAKE-256 a stream from the key, HMAC-SHA-256 the proof that the
word is right and nothing was changed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re

from .errors import CourseError

__all__ = ["code_of", "seal", "unseal"]

_SALT_BYTES, _KEY_BYTES = 16, 32


def code_of(word: str, exercise: str) -> str:
    """The code of one exercise, made from the instructor's word; says nothing about the word or other codes.

    >>> code_of("an instructor's word", "2-conversion/imaging/downsample2")
    'aqyw-p2lw'
    """
    digest = hmac.digest(_plain(word).encode(), exercise.encode(), "sha256")
    text = base64.b32encode(digest).decode().lower()
    return f"{text[:4]}-{text[4:8]}"


def _plain(word: str) -> str:
    """As typed on any keyboard: capitals, blanks and hyphens do not count."""
    return re.sub(r"[\s-]+", "", word).lower()


def _keys(word: str, salt: bytes) -> tuple[bytes, bytes]:
    both = hashlib.scrypt(_plain(word).encode(), salt=salt, n=2**14, r=8, p=1, dklen=2 * _KEY_BYTES)
    return both[:_KEY_BYTES], both[_KEY_BYTES:]


def _mixed(text: bytes, key: bytes) -> bytes:
    stream = hashlib.shake_256(key).digest(len(text))
    return bytes(a ^ b for a, b in zip(text, stream, strict=True))


def seal(text: str, word: str) -> str:
    """`text` as ASCII that `unseal` opens with the same word; another one each time."""
    salt = os.urandom(_SALT_BYTES)
    key, proof_key = _keys(word, salt)
    mixed = _mixed(text.encode(), key)
    return base64.b64encode(salt + hmac.digest(proof_key, salt + mixed, "sha256") + mixed).decode()


def unseal(sealed: str, word: str) -> str:
    """The text that was sealed with `word`; raises `CourseError` for another word, or where anything was changed.

    >>> unseal(seal("return 1", "Tulip-7"), "tulip 7")
    'return 1'
    """
    try:
        data = base64.b64decode(sealed, validate=True)
    except ValueError as error:
        raise CourseError("this is no sealed text; take a fresh copy of the file") from error
    salt, proof, mixed = data[:_SALT_BYTES], data[_SALT_BYTES : _SALT_BYTES + 32], data[_SALT_BYTES + 32 :]
    key, proof_key = _keys(word, salt)
    if not hmac.compare_digest(proof, hmac.digest(proof_key, salt + mixed, "sha256")):
        raise CourseError("this code does not open it; ask your instructor for the code of this very exercise")
    return _mixed(mixed, key).decode()
