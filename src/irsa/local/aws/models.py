"""
AWS's own service models, as botocore carries them: what each operation takes and answers.

Never here: behaviour.
"""

from functools import cache

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel


@cache
def service_model(service: str) -> ServiceModel:
    """The model of a service by botocore's name."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def operation_model(service: str, operation: str) -> OperationModel | None:
    """The model of an operation; None if AWS has none of this name."""
    model = service_model(service)
    return model.operation_model(operation) if operation in model.operation_names else None
