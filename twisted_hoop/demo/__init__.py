"""A development world: certificates, an OIDC issuer with a few people and machines. Never for production."""
