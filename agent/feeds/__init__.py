"""The vendors' own word: status feeds read, parsed and matched to what fails."""
