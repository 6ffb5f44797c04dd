"""The HTTP request that a tool stands for."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from focal_config_watcher.domain.authoring.fields import Definition, Json, OptionalText, Text

MAX_REDIRECTS = 5

_LATER = ("auth", "redirects", "success", "error", "result")


class Basic(Definition):
    """HTTP Basic authentication."""

    username: str = Field("", description="the user's name")
    password: Text = Field(description="the secret, as ${NAME}")


class Named(Definition):
    """A header or a query parameter that carries a secret."""

    name: Text = Field(description="its name, e.g. X-Api-Key")
    value: Text = Field(description="the secret, as ${NAME}")


class HttpAuth(Definition):
    """How a request says who sends it; exactly one way."""

    bearer: Text | None = Field(None, description="token of `Authorization: Bearer`, as ${NAME}")
    basic: Basic | None = Field(None, description="username and password of `Authorization: Basic`")
    header: Named | None = Field(None, description="a header: name and value")
    query: Named | None = Field(None, description="a query parameter: name and value")

    @model_validator(mode="after")
    def _one_way(self) -> "HttpAuth":
        if len(self.model_fields_set) != 1:
            raise ValueError("give exactly one of `bearer`, `basic`, `header` and `query`")
        return self

    def secret(self) -> tuple[str, tuple[str, ...]]:
        """What carries the secret, and where it is written."""
        if self.basic:
            return self.basic.password, ("basic", "password")
        for key, named in (("header", self.header), ("query", self.query)):
            if named:
                return named.value, (key, "value")
        return self.bearer or "", ("bearer",)

    def header_name(self) -> str:
        """The header that it fills; empty for none."""
        if self.header:
            return self.header.name
        return "" if self.query else "Authorization"


class HttpRequest(Definition):
    """One HTTP request; `{argument}` places are filled from the arguments, `${NAME}` by settings."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = Field(
        "GET", description="HTTP method, in capitals"
    )
    url: Text = Field(description="URL, e.g. ${ORDER_SERVICE_URL}/orders/{order_id}")
    query: dict[str, str] = Field(default={}, description="query parameters to add")
    headers: dict[str, str] = Field(default={}, description="headers to send")
    body: Json = Field(
        None, description="JSON body to send; when absent, the arguments that the URL does not use"
    )
    auth: HttpAuth | None = Field(None, description="how it authenticates, with a secret named ${NAME}")
    redirects: Annotated[int, Field(ge=0, le=MAX_REDIRECTS)] = Field(
        0, description="redirects to follow at most, for GET and HEAD of a pure tool"
    )
    success: OptionalText = Field(
        "", description="JMESPath over an answer of status 2xx: true when the call succeeded, false when not"
    )
    error: OptionalText = Field(
        "", description="JMESPath over an answer: the provider's reason when it refused, else nothing"
    )
    result: OptionalText = Field("", description="JMESPath over an answer: the part that is kept")

    def reads(self) -> bool:
        """Whether its method is one that changes nothing."""
        return self.method in ("GET", "HEAD")

    def config(self) -> dict[str, Any]:
        """What the provider `http` reads. Keys that came later are there only when they say something, so
        that a definition without them stays the same bundle.
        """
        return self.model_dump(exclude_none=True, exclude={key for key in _LATER if not getattr(self, key)})
