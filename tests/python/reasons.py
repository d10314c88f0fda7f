"""Lists of exceptions, each with its reason.

`[reason]` opens a group, below it stands one entry a line; `#` begins a comment.
"""


def read(path):
    """Pairs of an entry and its reason."""
    pairs, reason = [], None
    with open(path) as lines:
        for line in map(str.strip, lines):
            if line.startswith("["):
                reason = line.strip("[]")
            elif line and not line.startswith("#"):
                assert reason, f"{path}: `{line}` stands under no reason"
                pairs.append((line, reason))
    return pairs
