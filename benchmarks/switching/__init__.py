"""The study of thought switching: a price on leaving a line of thought, on word problems."""
