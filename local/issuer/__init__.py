"""The stack's OIDC issuer: a login page, people to log in as, and the authorization code flow with PKCE.

It stands in for Cognito, Auth0, Keycloak and the like, with a signing key that the stack makes and `token-broker jwt`
signs with. No artifact ever contains it.
"""
