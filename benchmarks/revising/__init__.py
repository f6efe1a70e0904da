"""Sequential revisions against samples of their own, at equal numbers of solutions."""
