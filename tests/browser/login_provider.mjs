// A certified OpenID provider (npm oidc-provider) people log in at: code + PKCE, its own log-in page, ID tokens with groups.
// Arguments: port, key file (a JWK Set with private keys), JSON of {redirect_uris, post_logout_redirect_uris, people}.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, keys, given] = process.argv.slice(2);
const { client, people } = JSON.parse(given);
const openid = ['sub', 'preferred_username', 'groups'];

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: JSON.parse(readFileSync(keys, 'utf8')),
  clients: [{ grant_types: ['authorization_code'], response_types: ['code'], id_token_signed_response_alg: 'EdDSA', ...client }],
  enabledJWA: { idTokenSigningAlgValues: ['EdDSA', 'RS256'] },
  claims: { openid },
  conformIdTokenClaims: false,
  cookies: { keys: ['a key for tests only'] },
  pkce: { required: () => true },
  ttl: { IdToken: 600, Session: 3600, Interaction: 600, Grant: 3600, AccessToken: 600 },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: people[id]?.name ?? id, groups: people[id]?.groups ?? [] }),
  }),
  // Nobody is asked whether the gateway may know who they are.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  },
});

createServer(provider.callback()).listen(Number(port), '127.0.0.1', () => console.log('ready'));
