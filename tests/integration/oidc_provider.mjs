// A certified OpenID provider (npm oidc-provider) for test_oidc_provider.py: client credentials → JWT access tokens.
// Arguments: port, key file (a JWK Set with private keys; the first key of an algorithm signs).
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, keys] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const resource = 'https://hoop.example/';

const provider = new Provider(issuer, {
  jwks: JSON.parse(readFileSync(keys, 'utf8')),
  clients: ['RS256', 'ES256', 'EdDSA'].map((algorithm) => ({
    client_id: `ci-${algorithm}`,
    client_secret: 'a-client-secret-for-tests',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  })),
  enabledJWA: {},
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      getResourceServerInfo: (ctx) => ({
        scope: 'openid',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: ctx.oidc.client.clientId.slice(3) } },
      }),
    },
  },
  extraTokenClaims: () => ({ groups: ['ci', 'builders'], realm: { roles: ['deployer'] } }),
});

createServer(provider.callback()).listen(Number(port), '127.0.0.1', () => console.log('ready'));
