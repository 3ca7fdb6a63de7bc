"""What is wrong with a report's file as a whole, so that nothing of it is loaded."""


class UnreadableFileError(Exception):
    """A file that is not what its report promises: nothing of it can be loaded, and yesterday's rows stay."""


class HopelessFileError(UnreadableFileError):
    """A file with more rows that do not fit than anybody would look at: it is left before its end."""
