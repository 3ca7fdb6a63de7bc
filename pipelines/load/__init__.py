"""Answers of Canvas into the lake: what is asked, how it becomes rows, and how each question ended, joined."""
