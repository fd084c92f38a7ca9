"""The API for programs, `/api/v1/`: thin views over the services and querysets that the pages use, too.

What somebody may not see is not found; what they may see but not change is refused with 403.
"""
