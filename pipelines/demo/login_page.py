"""The page on which people log in: what a client without a session gets in place of a file."""

from typing import Final

HTML: Final = "text/html; charset=utf-8"
LOGIN_PAGE: Final = (
    '<!DOCTYPE html>\n<html lang="en"><head><title>Log In to Canvas</title></head><body>\n'
    '<form action="/login/canvas" method="post"><input name="pseudonym_session[unique_id]">'
    '<input type="password" name="pseudonym_session[password]"></form>\n</body></html>\n'
)
