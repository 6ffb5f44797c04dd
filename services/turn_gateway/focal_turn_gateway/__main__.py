"""`python -m focal_turn_gateway`."""

from focal_service_kit import service
from focal_turn_gateway import app
from focal_turn_gateway.settings import TurnGatewaySettings

if __name__ == "__main__":
    service.main(
        service.Definition(
            "turn_gateway", TurnGatewaySettings, app.build, migrations="focal_turn_gateway.migrations"
        )
    )
