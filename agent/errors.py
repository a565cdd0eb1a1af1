"""What ends a command with a sentence: our own mistakes and the user's, never an endpoint's."""


class NephoscopeError(Exception):
    """A sentence that says what was being done to what, why it failed, and what to do."""

    exit_code = 1


class ConfigError(NephoscopeError):
    """The configuration cannot be used; one sentence a finding, each with file, line, key and remedy."""

    exit_code = 2

    def __init__(self, *findings: str) -> None:
        super().__init__("\n".join(findings))
        self.findings = findings
