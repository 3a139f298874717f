"""The part of slack_sdk.errors that is used."""

class SlackClientError(Exception): ...

class SlackApiError(SlackClientError):
    response: object
