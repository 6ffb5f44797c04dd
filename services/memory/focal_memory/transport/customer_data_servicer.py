"""`focal.memory.v1.CustomerDataService`: in the contract, not in this release."""

from __future__ import annotations

from typing import NoReturn

from focal.memory.v1 import customer_data_service_pb2 as api
from focal.memory.v1 import customer_data_service_pb2_grpc
from focal_memory.transport.memory_servicer import Context, not_implemented


class CustomerDataServicer(customer_data_service_pb2_grpc.CustomerDataServiceServicer):
    """Says so with the contract's reason, which a bare generated servicer would not."""

    async def GetProfile(self, request: api.GetProfileRequest, context: Context) -> NoReturn:  # noqa: N802
        raise not_implemented("GetProfile")

    async def UpdateFields(self, request: api.UpdateFieldsRequest, context: Context) -> NoReturn:  # noqa: N802
        raise not_implemented("UpdateFields")

    async def LinkIdentity(self, request: api.LinkIdentityRequest, context: Context) -> NoReturn:  # noqa: N802
        raise not_implemented("LinkIdentity")

    async def MergeCustomers(self, request: api.MergeCustomersRequest, context: Context) -> NoReturn:  # noqa: N802
        raise not_implemented("MergeCustomers")

    async def ListMissingFields(  # noqa: N802
        self, request: api.ListMissingFieldsRequest, context: Context
    ) -> NoReturn:
        raise not_implemented("ListMissingFields")

    async def ListFieldDefinitions(  # noqa: N802
        self, request: api.ListFieldDefinitionsRequest, context: Context
    ) -> NoReturn:
        raise not_implemented("ListFieldDefinitions")
