"""How the gateway reaches PostgreSQL, Valkey and the other services. No decisions about turns live here."""
