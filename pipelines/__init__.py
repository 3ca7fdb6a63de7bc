"""canvaslake: Canvas LMS analytics and reports, in a warehouse that analysts trust."""

__version__ = "0.1.0"
