// A certified OpenID provider (npm oidc-provider) that gives device codes (RFC 8628), for test_ssh_device_code.py.
// Arguments: port, key file (a JWK Set with private keys). Anybody may log in under any name; the token is a JWT.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, keys] = process.argv.slice(2);
const resource = 'https://hoop.example/';

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: JSON.parse(readFileSync(keys, 'utf8')),
  clients: [
    {
      client_id: 'gateway',
      client_secret: 'a secret: with %-signs & more',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: 'EdDSA',
    },
  ],
  enabledJWA: { idTokenSigningAlgValues: ['EdDSA'] },
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'openid',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: 'EdDSA' } },
      }),
    },
  },
  extraTokenClaims: () => ({ groups: ['dev'] }),
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});

createServer(provider.callback()).listen(Number(port), '127.0.0.1', () => console.log('ready'));
